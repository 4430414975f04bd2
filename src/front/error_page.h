// The pages of errors: small, complete HTML with the status, its name and one honest sentence. They name no software
// and repeat nothing that the client sent.
#pragma once

#include <string>
#include <string_view>

namespace trimaran::front {

// `detail` "" takes the sentence that fits the status.
std::string error_page(int status, std::string_view detail = {});

// For a developer's own browser, [app] dev: the whole story. `log` is shown line by line, as it is; "" for none.
std::string developer_page(int status, std::string_view detail, std::string_view log);

}  // namespace trimaran::front
