// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/loader.hpp>

#include <alloy/core/threads.hpp>

#include <ATen/Parallel.h>

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
  check<ConfigError>(world_size > 0 && rank >= 0 && rank < world_size, "[Loader] expected world_size > 0 and rank in 0 .. world_size - 1, got {} and {}",
                     {world_size, rank});
}

namespace {

constexpr size_t kCausesShown = 9;  // besides the last

/// Which places of the order belong to which batch of one rank.
struct Partition {
  int64_t num_samples = 0, batch_size = 1, rank = 0, world_size = 1;
  bool drop_last = false;

  static Partition of(int64_t num_samples, const LoaderOptions& o) {
    return {.num_samples = num_samples, .batch_size = o.batch_size, .rank = o.rank, .world_size = o.world_size, .drop_last = o.drop_last};
  }
  int64_t full_batches() const { return num_samples / world_size / batch_size; }
  /// Samples behind the full batches, of all ranks together.
  int64_t left() const { return num_samples - full_batches() * batch_size * world_size; }
  int64_t num_batches() const { return full_batches() + (!drop_last && left() >= world_size ? 1 : 0); }
  int64_t begin(int64_t batch) const {
    const int64_t first = batch * batch_size * world_size;
    if (batch < full_batches()) return first + rank * batch_size;
    return first + rank * (left() / world_size) + std::min(rank, left() % world_size);
  }
  int64_t size(int64_t batch) const {
    if (batch < full_batches()) return batch_size;
    return left() / world_size + (rank < left() % world_size ? 1 : 0);
  }
  /// Of all batches of this rank.
  int64_t total() const { return full_batches() * batch_size + (num_batches() > full_batches() ? size(full_batches()) : 0); }
};

void check_order(const std::vector<int64_t>& order, int64_t num_samples) {
  check<DataError>(static_cast<int64_t>(order.size()) == num_samples, "[Loader] expected an order of {} samples from the dataset, got {}",
                   {num_samples, order.size()});
  for (const int64_t index : order)
    check<DataError>(index >= 0 && index < num_samples, "[Loader] expected indices below {} in the dataset's order, got {}", {num_samples, index});
}

}  // namespace

/// What became of one batch.
struct Loader::Made {
  std::vector<Sample> samples;
  std::vector<std::pair<std::string, std::string>> bad;  // sample, cause
  std::exception_ptr error;                              // not the data's fault
};

/// One pass over the data. Workers share it with the loader, so that a worker stuck in a read may outlive it.
struct Loader::Epoch {
  std::shared_ptr<const Dataset> dataset;
  Partition partition;
  int64_t num_batches = 0, prefetch = 0;
  uint64_t seed = 0;
  std::vector<int64_t> order;

  std::mutex mutex;
  std::condition_variable changed;
  std::map<int64_t, Made> ready;
  std::map<int64_t, int64_t> in_work;  // batch: index of the sample that is being read
  int64_t claimed = 0, handed_out = 0;
  bool stopping = false;
  std::vector<std::thread> threads;

  /// What became of one sample.
  struct Read {
    Sample sample;
    std::string bad;  // cause
    std::exception_ptr error;
  };

  Read read(int64_t index) const noexcept {
    Read read;
    try {
      Random random(mix_seed({seed, static_cast<uint64_t>(index)}));
      const SerialScope serial;  // sums of other numbers of threads have other bits
      read.sample = dataset->get(index, random);
    } catch (const DataError& error) {
      read.bad = error.what();
    } catch (const IoError& error) {
      read.bad = error.what();
    } catch (const std::exception& error) {
      try {
        std::throw_with_nested(ModelError(format_message("[Loader] expected sample {} from the dataset, it threw: {}", {index, error.what()})));
      } catch (...) {
        read.error = std::current_exception();
      }
    } catch (...) {
      read.error = std::current_exception();
    }
    return read;
  }

  /// False if nothing more of the batch is wanted.
  static bool keep(Made& made, int64_t index, Read read) {
    if (read.error) made.error = read.error;
    else if (!read.bad.empty()) made.bad.emplace_back(std::to_string(index), std::move(read.bad));
    else made.samples.push_back(std::move(read.sample));
    return !made.error;
  }

  /// By a thread of this loader.
  Made make(int64_t batch) {
    Made made;
    const int64_t begin = partition.begin(batch), end = begin + partition.size(batch);
    for (int64_t place = begin; place < end; ++place) {
      const int64_t index = order[static_cast<size_t>(place)];
      {
        const std::scoped_lock lock(mutex);
        if (stopping) return made;
        in_work[batch] = index;
      }
      if (!keep(made, index, read(index))) break;
    }
    return made;
  }

  /// By the caller, with the threads that compute: they wait for samples anyway, and more threads than cores make all of them wait.
  Made make_at_once(int64_t batch) const {
    const int64_t begin = partition.begin(batch), count = partition.size(batch);
    std::vector<Read> reads(static_cast<size_t>(count));
    at::parallel_for(0, count, 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) reads[static_cast<size_t>(i)] = read(order[static_cast<size_t>(begin + i)]);
    });
    Made made;
    for (int64_t i = 0; i < count; ++i)
      if (!keep(made, order[static_cast<size_t>(begin + i)], std::move(reads[static_cast<size_t>(i)]))) break;
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

int64_t Loader::num_batches() const { return Partition::of(dataset_->size(), options_).num_batches(); }

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

void Loader::start(int64_t epoch, int64_t first_batch) {
  check<ConfigError>(first_batch >= 0 && first_batch <= num_batches(), "[Loader] expected a first batch in 0..{}, got {}", {num_batches(), first_batch});
  stop();
  bad_.clear();
  num_bad_ = 0;
  position_ = first_batch;
  failed_ = true;  // until everything below has succeeded
  const Partition partition = Partition::of(dataset_->size(), options_);
  auto next = std::make_shared<Epoch>();
  next->dataset = dataset_;
  next->partition = partition;
  next->num_batches = partition.num_batches();
  next->prefetch = std::max(options_.prefetch, options_.workers);
  next->seed = mix_seed({static_cast<uint64_t>(options_.seed), static_cast<uint64_t>(epoch)});
  next->claimed = next->handed_out = first_batch;
  if (options_.shuffle) {
    Random random(next->seed);
    next->order = dataset_->order(random);
    check_order(next->order, partition.num_samples);
  } else {
    next->order.resize(static_cast<size_t>(partition.num_samples));
    std::iota(next->order.begin(), next->order.end(), 0);
  }
  epoch_ = std::move(next);
  for (int64_t i = 0; i < options_.workers; ++i) epoch_->threads.emplace_back(Epoch::work, epoch_);
  failed_ = false;
}

Loader::Made Loader::take() {
  Epoch& epoch = *epoch_;
  if (epoch.threads.empty()) return epoch.make_at_once(epoch.handed_out++);
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
  Made made = std::move(epoch.ready.at(epoch.handed_out));
  epoch.ready.erase(epoch.handed_out++);
  epoch.changed.notify_all();
  return made;
}

void Loader::count_bad(const Made& made) {
  const int64_t total = epoch_->partition.total();
  const auto allowed = static_cast<int64_t>(std::floor(options_.bad_sample_limit * static_cast<double>(total)));
  for (const auto& [index, cause] : made.bad) {
    ++bad_[cause];
    ++num_bad_;
    if (num_bad_ <= allowed) continue;
    std::vector<std::string> some;
    for (auto it = bad_.begin(); it != bad_.end() && some.size() < kCausesShown; ++it)
      if (it->first != cause) some.push_back(it->first);
    fail<DataError>("[Loader] expected at most {} of {} samples to be unusable, got {}; the last is sample {}: {} (bad_sample_limit allows more){}{}",
                    {allowed, total, num_bad_, index, cause, some.empty() ? "" : "; others: ", some.empty() ? std::string() : format_message("{}", {some})});
  }
}

bool Loader::next(LabelledBatch& batch) {
  if (!epoch_ && !failed_) start(0);
  try {
    while (epoch_ && epoch_->handed_out < epoch_->num_batches) {
      const Made made = take();
      if (made.error) std::rethrow_exception(made.error);
      count_bad(made);
      if (made.samples.empty() && options_.world_size == 1) {
        ++position_;
        continue;
      }
      batch = made.samples.empty() ? LabelledBatch{} : collate(made.samples);
      ++position_;
      return true;
    }
    return false;
  } catch (...) {
    failed_ = true;
    stop();
    throw;
  }
}

}  // namespace alloy
