// Files that are linked into the program: the page and the description of the API.
#pragma once

#include <string_view>

namespace crossrank::server {

std::string_view page_html();
std::string_view page_policy();  // its Content-Security-Policy
std::string_view openapi_json();

}  // namespace crossrank::server
