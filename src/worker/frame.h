// What the front and a worker say to each other: frames on a stream socket pair, one pair for each (front thread,
// worker). Both ends are on one machine and one build, so numbers are in host order and there is no version.
//
//   frame   = length:u32 type:u8 flags:u8 slot:u16 payload[length]
//
// A request lives in a *slot*: the front picks a free one, and the slot is free again when the worker has said `end`
// (a body frame or response with kEnd), `failed` or `skipped`. So a late frame of an aborted request can never be taken
// for one of its successor. Whether a request was begun stands in the ledger (ledger.h), not in a frame.
//
// Flow control is by credit, in each direction of each request: a body may run kBodyWindow bytes ahead of what the
// receiver has said it consumed. So memory is bounded by slots x window, whatever a client or an application does.
//
//   front to worker                               worker to front
//   request  head (RequestHeadView); kEnd: no body   response  head (ResponseHeadView); kEnd: no body
//   body     bytes; kEnd: the last                   body      bytes; kEnd: the last
//   credit   u32: response bytes consumed            credit    u32: request body bytes consumed
//   abort    the client is gone; end soon            failed    text; the application failed; the slot is free
//                                                    skipped   the request was recalled before it began; slot free
//                                                    file      FileView, kEnd: the whole body of the response is this
//                                                              part of a file, whose descriptor comes with the frame
//
// A tunnel (WebSocket, any Upgrade): the request has kTunnel and not kEnd. When the response has status 101, the bodies
// of both directions are raw bytes from there on, each ended by kEnd; with any other status the request has no body and
// the response is an ordinary one.
//
// A descriptor travels as SCM_RIGHTS on the first byte of its `file` frame; descriptors and file frames come in the
// same order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trimaran::worker {

constexpr size_t kFrameHeaderBytes = 8;
constexpr size_t kFramePayloadMax = 2 << 20;   // a request head with every [limits] at its maximum still fits
constexpr size_t kBodyFrameBytes = 64 * 1024;  // the largest body frame that we send
constexpr uint32_t kBodyWindow = 256 * 1024;   // bytes a body may run ahead of its receiver
constexpr size_t kSlots = 1024;                // requests under way in one channel; also the size of the ledger
constexpr size_t kFrameHeadersMax = 1024;      // header lines in a head
// Names and values in a response head; an application that sets more has failed (browsers take 256 KiB at most).
constexpr size_t kResponseHeadBytesMax = 256 * 1024;

enum class FrameType : uint8_t { request = 1, body, credit, abort, response, failed, skipped, file };

enum FrameFlags : uint8_t { kNoFlags = 0, kEnd = 1, kTunnel = 2 };

struct Frame {
  FrameType type = FrameType::request;
  uint8_t flags = 0;
  uint16_t slot = 0;
  std::string_view payload;  // into the buffer it was read from
  bool end() const { return flags & kEnd; }
  bool tunnel() const { return flags & kTunnel; }
};

struct FileView {
  uint64_t offset = 0;
  uint64_t length = 0;
};

void append_frame(std::string& out, FrameType type, uint8_t flags, uint16_t slot, std::string_view payload);
// Only the header of a body frame whose `bytes` of payload leave separately (writev), so that bodies are never copied.
void append_body_header(std::string& out, uint8_t flags, uint16_t slot, size_t bytes);
void append_credit(std::string& out, uint16_t slot, uint32_t bytes);
void append_file(std::string& out, uint16_t slot, const FileView& file);

enum class FrameStatus { frame, incomplete, invalid };
// Reads the frame at the start of `bytes`. `frame`: `out` is set and `consumed` bytes belong to it. `invalid`: the peer
// is broken (unknown type, slot or length out of range) and the channel must be closed.
FrameStatus read_frame(std::string_view bytes, Frame& out, size_t& consumed);
std::optional<uint32_t> read_credit(const Frame& frame);     // nothing when the payload is not a credit
std::optional<FileView> read_file_view(const Frame& frame);  // nothing when it is malformed

using HeaderPair = std::pair<std::string_view, std::string_view>;

struct RequestHeadView {
  std::string_view method;          // "GET"
  std::string_view path;            // raw, still percent-encoded, before '?'
  std::string_view query;           // raw, after '?'
  std::string_view protocol;        // "HTTP/1.1"
  std::string_view scheme;          // "http" or "https"
  std::string_view client_address;  // "192.0.2.1"
  std::string_view server_name;     // the Host without its port
  uint16_t client_port = 0;
  uint16_t server_port = 0;
  int64_t content_length = 0;  // -1: not known (chunked)
  std::vector<HeaderPair> headers;
};

struct ResponseHeadView {
  uint16_t status = 200;
  std::string_view reason;
  int64_t content_length = -1;  // -1: not known
  std::vector<HeaderPair> headers;
};

// Whether the head is within kFrameHeadersMax and kResponseHeadBytesMax. Whoever lets an application fill one asks this
// before append_response(), which takes such a head for granted.
bool fits_frame(const ResponseHeadView& head);

// A whole frame with the head as its payload.
void append_request(std::string& out, uint16_t slot, uint8_t flags, const RequestHeadView& head);
void append_response(std::string& out, uint16_t slot, bool end, const ResponseHeadView& head);
// Views into `payload`. False when it is malformed. `head` is overwritten (its vector keeps its memory).
bool parse_request(std::string_view payload, RequestHeadView& head);
bool parse_response(std::string_view payload, ResponseHeadView& head);

}  // namespace trimaran::worker
