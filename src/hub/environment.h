// What the environment says about hubs: the variables that Hugging Face's own tools read.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace crossrank::hub {

// The value of a variable; "" when it is unset. Set but empty counts as unset everywhere here.
std::string environment(const char* name);

// `path` with a leading "~" and $NAME or ${NAME} replaced, as those tools do with theirs. A
// variable that is not set stays as it is written.
std::string expand_path(std::string_view path);

// HF_HOME, else XDG_CACHE_HOME/huggingface, else ~/.cache/huggingface.
std::filesystem::path hf_home();

// HF_ENDPOINT without a trailing "/", else https://huggingface.co.
std::string hub_endpoint();

// HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is 1, ON, YES or TRUE.
bool hub_offline();

// HF_TOKEN, else HUGGING_FACE_HUB_TOKEN, else what HF_TOKEN_PATH or HF_HOME/token holds; "" when
// there is none. Without white space around it.
std::string hub_token();

// `token` without line breaks and without white space around it.
std::string clean_token(std::string_view token);

}  // namespace crossrank::hub
