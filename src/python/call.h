// One request on its way through the application: what start_response(), write(), wsgi.input and the iterable that the
// application returned have in common.
//
// The application may keep the objects it was given and use them from threads of its own, while the GIL is released and
// after the request has ended. So they hold a pointer that settle() clears, every use of the request without the GIL
// is counted and excludes the others, and settle() waits for the last of them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string_view>

#include "python/body_count.h"
#include "python/body_reader.h"
#include "python/ref.h"
#include "python/response_head.h"
#include "worker/worker.h"

namespace trimaran::python {

class Call {
 public:
  static constexpr int64_t kFileBytesMin = 32 * 1024;  // a smaller file is read: cheaper than to pass a descriptor on
  static constexpr size_t kJoinBytes = 64 * 1024;      // the items of a list leave together up to this size

  Call(const worker::Worker& worker, worker::Request& request);

  // With the GIL, from any of the application's threads. False: a Python error is set.
  bool start(PyObject* status, PyObject* headers, PyObject* exc_info);
  bool write(PyObject* bytes);
  Ref read(size_t size_max, bool line);  // null: a Python error is set

  // With the GIL, from the thread that serves the request. False: a Python error is set, or the client is gone().
  bool send(PyObject* bytes);  // one item of the iterable
  bool send_list(PyObject* list_or_tuple);
  // The rest of this file, from `offset`, as the whole body. False, without a Python error: it must be read and sent.
  bool take_file(int fd, int64_t offset);
  bool end();  // of the iterable: nothing may be missing

  // Of the worker: nothing of this may be used then, see child.h.
  bool is_forked_child() const { return worker_.is_forked_child(); }
  bool gone() const { return request_.aborted(); }
  void fail(std::string_view reason);
  // Waits for threads of the application that are inside; from now on nothing of the application reaches the request.
  void settle();

  // Without the GIL: the rest of the response leaves. The last thing that is done with the request, but for what the
  // application itself has yet to do.
  enum class Then { application_goes_on, nothing };
  void complete(Then then);

 private:
  enum class State { fresh, started, head_sent, complete };  // complete: all that there is to say was said

  template <class Work>
  auto unlocked(Work work);
  bool check_item(PyObject* bytes);
  void give_head();

  const worker::Worker& worker_;
  worker::Request& request_;
  State state_ = State::fresh;
  ResponseHead head_;
  BodyCount count_;
  Ref last_;               // the object with the last bytes
  std::string_view rest_;  // what complete() sends of them
  Fd file_;                // or sends instead
  worker::FileView part_;  // of file_
  BodyReader body_;

  std::atomic<int> users_ = 0;  // threads in unlocked()
  std::mutex mutex_;            // never held by a thread that waits for the GIL
  std::condition_variable left_;
};

}  // namespace trimaran::python
