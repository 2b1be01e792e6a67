// SPDX-License-Identifier: Apache-2.0
// Counts the heap of a program that is started with this file in LD_PRELOAD, ours and the peers' alike: between
// alloy_count_start and alloy_count_stop, how far the bytes in use rose above what they were. All of LibTorch's tensors,
// oneDNN's and MKL's buffers and standard containers come by here. For glibc, whose own functions do the work.
#include <cerrno>
#include <cstddef>
#include <malloc.h>

extern "C" {

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* block, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* block);

static int counting = 0;
static long long in_use = 0, most = 0;

static void* grown(void* block) {
  if (!block || !__atomic_load_n(&counting, __ATOMIC_RELAXED)) return block;
  const long long now = __atomic_add_fetch(&in_use, static_cast<long long>(malloc_usable_size(block)), __ATOMIC_RELAXED);
  long long before = __atomic_load_n(&most, __ATOMIC_RELAXED);
  while (now > before && !__atomic_compare_exchange_n(&most, &before, now, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) continue;
  return block;
}

static void shrink(void* block) {
  if (block && __atomic_load_n(&counting, __ATOMIC_RELAXED)) __atomic_sub_fetch(&in_use, static_cast<long long>(malloc_usable_size(block)), __ATOMIC_RELAXED);
}

void alloy_count_start() {
  __atomic_store_n(&in_use, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&most, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&counting, 1, __ATOMIC_SEQ_CST);
}

long long alloy_count_stop() {
  __atomic_store_n(&counting, 0, __ATOMIC_SEQ_CST);
  return __atomic_load_n(&most, __ATOMIC_RELAXED);
}

void* malloc(size_t size) { return grown(__libc_malloc(size)); }
void* calloc(size_t count, size_t size) { return grown(__libc_calloc(count, size)); }
void* memalign(size_t alignment, size_t size) { return grown(__libc_memalign(alignment, size)); }
void* aligned_alloc(size_t alignment, size_t size) { return grown(__libc_memalign(alignment, size)); }

int posix_memalign(void** block, size_t alignment, size_t size) {
  if (alignment % sizeof(void*) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
  void* const found = __libc_memalign(alignment, size);
  if (!found) return ENOMEM;
  *block = grown(found);
  return 0;
}

void* realloc(void* block, size_t size) {
  const long long before = block && __atomic_load_n(&counting, __ATOMIC_RELAXED) ? static_cast<long long>(malloc_usable_size(block)) : 0;
  void* const moved = __libc_realloc(block, size);
  if (moved || size == 0) __atomic_sub_fetch(&in_use, before, __ATOMIC_RELAXED);
  return grown(moved);
}

void free(void* block) {
  shrink(block);
  __libc_free(block);
}

}  // extern "C"
