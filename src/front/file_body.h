// Sends a part of a file as the body of a response.
#pragma once

#include "front/cached_file.h"
#include "front/exchange.h"

namespace trimaran::front {

// Sends `head` (whose content_length is `length`) and the bytes [offset, offset + length) of the file, and finishes.
void send_file(Exchange& exchange, http::ResponseHead head, const PinnedFile& file, int64_t offset, int64_t length);

}  // namespace trimaran::front
