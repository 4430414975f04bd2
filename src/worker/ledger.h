// The ledger: one page of shared memory for each channel that says which requests were begun.
//
// A frame "begun" would cost bytes, and the last one is lost in the socket when a worker is killed: the front could not
// tell "never begun" (any method may go to another worker) from "begun" (a POST must not). A word of shared memory is
// true at the very moment of the kill, and it lets the front take back a request that waits behind a slow one, with one
// compare-and-swap that exactly one side wins. Rejected: begun frames; a sequence number per worker.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/result.h"
#include "os/fd.h"
#include "worker/frame.h"

namespace trimaran::worker {

// answered: its response is complete, and kept back for a common write (WorkerEnd::may_keep); a worker that dies now
// did not die of this request.
enum class SlotState : uint32_t { free = 0, sent, begun, recalled, answered };

constexpr size_t kLedgerBytes = kSlots * sizeof(uint32_t);

// A new ledger, all slots free. The descriptor goes to both ends; its size is sealed.
Result<Fd> make_ledger();

class Ledger {
 public:
  static Result<Ledger> map(const Fd& memfd);
  Ledger(Ledger&& other) noexcept;
  Ledger& operator=(Ledger&&) = delete;
  ~Ledger();

  SlotState state(uint16_t slot) const { return word(slot).load(std::memory_order_acquire); }

  // The front's side.
  void mark_sent(uint16_t slot) { word(slot).store(SlotState::sent, std::memory_order_release); }
  void mark_free(uint16_t slot) { word(slot).store(SlotState::free, std::memory_order_release); }
  // True: the worker will never begin it. False: it already has.
  bool try_recall(uint16_t slot) { return change(slot, SlotState::recalled); }

  // The worker's side. False: it was recalled; answer `skipped`.
  bool try_begin(uint16_t slot) { return change(slot, SlotState::begun); }
  // Before the response leaves: the slot is the front's again as soon as it has read it.
  void mark_answered(uint16_t slot) { word(slot).store(SlotState::answered, std::memory_order_release); }

 private:
  explicit Ledger(std::atomic<SlotState>* words) : words_(words) {}
  std::atomic<SlotState>& word(uint16_t slot) const;
  bool change(uint16_t slot, SlotState to);

  std::atomic<SlotState>* words_;
};

}  // namespace trimaran::worker
