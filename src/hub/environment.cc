// Hub settings from environment variables.
#include "hub/environment.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <fstream>

namespace crossrank::hub {
namespace {

constexpr std::size_t kMaxTokenBytes = 4096;  // real ones have 37

std::string home_directory() {
  if (std::string home = environment("HOME"); !home.empty()) return home;
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer;
  if (getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    return found->pw_dir;
  }
  return "/";
}

bool is_name_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool is_true(std::string value) {
  for (char& c : value) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

}  // namespace

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string expand_path(std::string_view path) {
  std::string out;
  std::size_t i = 0;
  if (path == "~" || path.starts_with("~/")) {
    out = home_directory();
    i = 1;
  }
  while (i < path.size()) {
    if (path[i] != '$') {
      out += path[i++];
      continue;
    }
    const bool braces = i + 1 < path.size() && path[i + 1] == '{';
    const std::size_t begin = i + (braces ? 2 : 1);
    std::size_t end = begin;
    while (end < path.size() && is_name_char(path[end])) ++end;
    const bool closed = !braces || (end < path.size() && path[end] == '}');
    const std::string name(path.substr(begin, end - begin));
    const std::size_t next = end + (braces && closed ? 1 : 0);
    const char* value = name.empty() || !closed ? nullptr : std::getenv(name.c_str());
    out += value != nullptr ? value : path.substr(i, next - i);
    i = next;
  }
  return out;
}

std::filesystem::path hf_home() {
  if (const std::string home = environment("HF_HOME"); !home.empty()) return expand_path(home);
  if (const std::string cache = environment("XDG_CACHE_HOME"); !cache.empty()) {
    return std::filesystem::path(expand_path(cache)) / "huggingface";
  }
  return std::filesystem::path(home_directory()) / ".cache" / "huggingface";
}

std::string hub_endpoint() {
  std::string endpoint = environment("HF_ENDPOINT");
  if (endpoint.empty()) endpoint = "https://huggingface.co";
  while (endpoint.ends_with('/')) endpoint.pop_back();
  return endpoint;
}

bool hub_offline() {
  const std::string offline = environment("HF_HUB_OFFLINE");
  return is_true(offline.empty() ? environment("TRANSFORMERS_OFFLINE") : offline);
}

std::string clean_token(std::string_view token) {
  std::string out(token);
  std::erase_if(out, [](char c) { return c == '\r' || c == '\n'; });
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  out.erase(out.begin(), std::find_if_not(out.begin(), out.end(), blank));
  while (!out.empty() && blank(out.back())) out.pop_back();
  return out;
}

std::string hub_token() {
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (std::string token = clean_token(environment(name)); !token.empty()) return token;
  }
  const std::string path = environment("HF_TOKEN_PATH");
  std::ifstream file(path.empty() ? hf_home() / "token" : std::filesystem::path(expand_path(path)));
  std::string text(kMaxTokenBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return clean_token(text);
}

}  // namespace crossrank::hub
