#include "worker/ledger.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/assert.h"

namespace trimaran::worker {

static_assert(std::atomic<SlotState>::is_always_lock_free, "a lock inside shared memory would die with a worker");

Result<Fd> make_ledger() {
  Fd fd(::memfd_create("trimaran-ledger", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return errno_error("cannot create a ledger");
  if (::ftruncate(fd.get(), kLedgerBytes) != 0) return errno_error("cannot size a ledger");
  // Without the seal, a worker that shrinks the file would kill the front with SIGBUS.
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return errno_error("cannot seal a ledger");
  }
  return fd;
}

Result<Ledger> Ledger::map(const Fd& memfd) {
  struct stat st {};
  if (::fstat(memfd.get(), &st) != 0 || st.st_size != static_cast<off_t>(kLedgerBytes)) {
    return make_error("a ledger has the wrong size");
  }
  void* memory = ::mmap(nullptr, kLedgerBytes, PROT_READ | PROT_WRITE, MAP_SHARED, memfd.get(), 0);
  if (memory == MAP_FAILED) return errno_error("cannot map a ledger");
  return Ledger(static_cast<std::atomic<SlotState>*>(memory));
}

Ledger::Ledger(Ledger&& other) noexcept : words_(std::exchange(other.words_, nullptr)) {}

Ledger::~Ledger() {
  if (words_) ::munmap(static_cast<void*>(words_), kLedgerBytes);
}

std::atomic<SlotState>& Ledger::word(uint16_t slot) const {
  TRIMARAN_ASSERT(slot < kSlots);
  return words_[slot];
}

bool Ledger::change(uint16_t slot, SlotState to) {
  SlotState expected = SlotState::sent;
  return word(slot).compare_exchange_strong(expected, to, std::memory_order_acq_rel);
}

}  // namespace trimaran::worker
