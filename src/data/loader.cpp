// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/loader.hpp>

#include <condition_variable>
#include <cmath>
#include <mutex>
#include <numeric>
#include <thread>

namespace alloy {

void LoaderOptions::validate() const {
  check<ConfigError>(batch_size > 0 && prefetch > 0 && workers >= 0, "[Loader] expected batch_size and prefetch > 0 and workers >= 0, got {}, {} and {}",
                     {batch_size, prefetch, workers});
  check<ConfigError>(bad_sample_limit >= 0 && bad_sample_limit <= 1, "[Loader] expected bad_sample_limit in 0..1, got {}", {bad_sample_limit});
  check<ConfigError>(stall_seconds > 0, "[Loader] expected stall_seconds > 0, got {}", {stall_seconds});
}

namespace {

/// What became of one batch.
struct Made {
  std::vector<Sample> samples;
  std::vector<std::pair<std::string, std::string>> bad;  // sample, cause
  std::exception_ptr error;                              // not the data's fault
};

}  // namespace

/// One pass over the data. Workers share it with the loader, so that a worker stuck in a read may outlive it.
struct Loader::Epoch {
  std::shared_ptr<const Dataset> dataset;
  std::vector<int64_t> order;
  int64_t batch_size = 0, num_batches = 0, prefetch = 0;
  uint64_t seed = 0;

  std::mutex mutex;
  std::condition_variable changed;
  std::map<int64_t, Made> ready;
  std::map<int64_t, int64_t> in_work;  // batch: index of the sample that is being read
  int64_t claimed = 0, handed_out = 0;
  bool stopping = false;
  std::vector<std::thread> threads;

  Made make(int64_t batch) {
    Made made;
    const int64_t end = std::min(static_cast<int64_t>(order.size()), (batch + 1) * batch_size);
    for (int64_t place = batch * batch_size; place < end; ++place) {
      const int64_t index = order[static_cast<size_t>(place)];
      {
        const std::scoped_lock lock(mutex);
        if (stopping) return made;
        in_work[batch] = index;
      }
      Random random(mix_seed({seed, static_cast<uint64_t>(index)}));
      try {
        made.samples.push_back(dataset->get(index, random));
      } catch (const DataError& error) {
        made.bad.emplace_back(std::to_string(index), error.what());
      } catch (const IoError& error) {
        made.bad.emplace_back(std::to_string(index), error.what());
      } catch (const std::exception& error) {
        try {
          std::throw_with_nested(ModelError(format_message("[Loader] expected sample {} from the dataset, it threw: {}", {index, error.what()})));
        } catch (...) {
          made.error = std::current_exception();
        }
        return made;
      } catch (...) {
        made.error = std::current_exception();
        return made;
      }
    }
    return made;
  }

  static void work(const std::shared_ptr<Epoch>& self) {
    for (;;) {
      int64_t batch;
      {
        std::unique_lock lock(self->mutex);
        self->changed.wait(lock, [&] { return self->stopping || self->claimed >= self->num_batches || self->claimed < self->handed_out + self->prefetch; });
        if (self->stopping || self->claimed >= self->num_batches) return;
        batch = self->claimed++;
      }
      Made made = self->make(batch);
      const std::scoped_lock lock(self->mutex);
      self->in_work.erase(batch);
      self->ready.emplace(batch, std::move(made));
      self->changed.notify_all();
    }
  }
};

Loader::Loader(std::shared_ptr<const Dataset> dataset, LoaderOptions options) : dataset_(std::move(dataset)), options_(options) {
  options_.validate();
  check<ConfigError>(dataset_ != nullptr, "[Loader] expected a dataset, got none");
  check<DataError>(dataset_->size() > 0, "[Loader] expected a dataset with samples, got an empty one");
}

Loader::~Loader() { stop(); }

int64_t Loader::num_batches() const {
  const int64_t n = dataset_->size();
  return options_.drop_last ? n / options_.batch_size : (n + options_.batch_size - 1) / options_.batch_size;
}

void Loader::stop() {
  if (!epoch_) return;
  {
    const std::scoped_lock lock(epoch_->mutex);
    epoch_->stopping = true;
    epoch_->changed.notify_all();
  }
  for (auto& thread : epoch_->threads)
    if (thread.joinable()) thread.join();
  epoch_.reset();
}

void Loader::start(int64_t epoch) {
  stop();
  bad_.clear();
  num_bad_ = 0;
  epoch_ = std::make_shared<Epoch>();
  epoch_->dataset = dataset_;
  epoch_->batch_size = options_.batch_size;
  epoch_->num_batches = num_batches();
  epoch_->prefetch = std::max(options_.prefetch, options_.workers);
  epoch_->seed = mix_seed({static_cast<uint64_t>(options_.seed), static_cast<uint64_t>(epoch)});
  if (options_.shuffle) {
    epoch_->order = Random(epoch_->seed).permutation(dataset_->size());
  } else {
    epoch_->order.resize(static_cast<size_t>(dataset_->size()));
    std::iota(epoch_->order.begin(), epoch_->order.end(), 0);
  }
  for (int64_t i = 0; i < options_.workers; ++i) epoch_->threads.emplace_back(Epoch::work, epoch_);
}

bool Loader::next(LabelledBatch& batch) {
  if (!epoch_) start(0);
  for (;;) {
    Epoch& epoch = *epoch_;
    if (epoch.handed_out >= epoch.num_batches) return false;
    Made made;
    if (epoch.threads.empty()) {
      made = epoch.make(epoch.handed_out++);
    } else {
      std::unique_lock lock(epoch.mutex);
      const auto limit = std::chrono::duration<double>(options_.stall_seconds);
      if (!epoch.changed.wait_for(lock, limit, [&] { return epoch.ready.contains(epoch.handed_out); })) {
        const auto stuck = epoch.in_work.find(epoch.handed_out);
        const int64_t sample = stuck == epoch.in_work.end() ? -1 : stuck->second;
        epoch.stopping = true;
        epoch.changed.notify_all();
        lock.unlock();
        // A thread cannot be ended from outside: the stuck one ends with its read, holding what it needs.
        for (auto& thread : epoch.threads) thread.detach();
        epoch.threads.clear();
        fail<DataError>("[Loader] expected a batch within {} s, got none: sample {} stalls", {options_.stall_seconds, sample});
      }
      made = std::move(epoch.ready.at(epoch.handed_out));
      epoch.ready.erase(epoch.handed_out++);
      epoch.changed.notify_all();
    }
    if (made.error) {
      stop();
      std::rethrow_exception(made.error);
    }
    for (const auto& [index, cause] : made.bad) {
      ++bad_[cause];
      ++num_bad_;
      const auto allowed = static_cast<int64_t>(std::floor(options_.bad_sample_limit * static_cast<double>(dataset_->size())));
      if (num_bad_ > allowed) {
        stop();
        fail<DataError>("[Loader] expected at most {} of {} samples to be unusable, got {}; the last is sample {}: {} (bad_sample_limit allows more)",
                        {allowed, dataset_->size(), num_bad_, index, cause});
      }
    }
    if (made.samples.empty()) continue;
    batch = collate(made.samples);
    return true;
  }
}

}  // namespace alloy
