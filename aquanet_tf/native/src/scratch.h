// Scratch memory of the operations: large, short-lived, every number of it used once or twice.
//
// Fresh memory costs a page fault every 4 KiB, and a map for each level touches a page for each
// level: huge pages are cheaper in both. Mapped, not allocated: it goes back to the system at once,
// where malloc would keep it in an arena of whatever thread ran the operation.

#ifndef AQUANET_TF_NATIVE_SCRATCH_H_
#define AQUANET_TF_NATIVE_SCRATCH_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace aquanet {

constexpr size_t kHugePage = size_t{1} << 21;

// Asks for huge pages in [data, data + bytes), as far as they lie in it whole. Advice: may be refused.
inline void AdviseHugePages(void* data, size_t bytes) {
#ifdef MADV_HUGEPAGE
  const uintptr_t start = reinterpret_cast<uintptr_t>(data);
  const uintptr_t first = (start + kHugePage - 1) / kHugePage * kHugePage;
  const uintptr_t last = (start + bytes) / kHugePage * kHugePage;
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
}

// Floats, all zero at first.
class Scratch {
 public:
  Scratch() = default;
  explicit Scratch(int64_t count) {
    const size_t bytes = count * sizeof(float);
#ifdef MADV_HUGEPAGE
    if (bytes >= kHugePage) {
      const size_t room = bytes + kHugePage;  // to begin at a whole page; the rest is not touched
      void* block =
          mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (block == MAP_FAILED) throw std::bad_alloc();
      block_ = block;
      mapped_ = room;
      const uintptr_t start = reinterpret_cast<uintptr_t>(block) + kHugePage - 1;
      data_ = reinterpret_cast<float*>(start / kHugePage * kHugePage);
      AdviseHugePages(data_, bytes);
      return;
    }
#endif
    data_ = static_cast<float*>(block_ = std::calloc(count, sizeof(float)));
    if (block_ == nullptr && bytes > 0) throw std::bad_alloc();
  }
  Scratch(Scratch&& other) noexcept { *this = std::move(other); }
  Scratch& operator=(Scratch&& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(mapped_, other.mapped_);
    std::swap(data_, other.data_);
    return *this;
  }
  ~Scratch() {
#ifdef MADV_HUGEPAGE
    if (mapped_ > 0) {
      munmap(block_, mapped_);
      return;
    }
#endif
    std::free(block_);
  }

  float* data() { return data_; }
  const float* data() const { return data_; }

 private:
  void* block_ = nullptr;
  size_t mapped_ = 0;  // bytes, 0: from calloc
  float* data_ = nullptr;
};

}  // namespace aquanet

#endif  // AQUANET_TF_NATIVE_SCRATCH_H_
