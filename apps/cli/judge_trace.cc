// The trace file.
#include "judge_trace.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/utf8.h"
#include "json/json.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

json::Value text(const std::string& bytes) { return base::repair_utf8(bytes).value_or(bytes); }

json::Value headers(const JudgeExchange& exchange) {
  json::Value list = json::Value::array();
  for (const std::string& header : exchange.headers) list.push_back(header);
  return list;
}

}  // namespace

std::string request_json(const JudgeExchange& exchange) {
  std::string out;
  ObjectWriter(out)
      .member("url", exchange.url)
      .member("headers", headers(exchange))
      .raw("body", exchange.request)
      .end();
  return out;
}

Result<TraceFile> TraceFile::open(const std::string& path) {
  TraceFile trace;
  trace.path_ = path;
  constexpr mode_t kOwnerOnly = 0600;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kOwnerOnly);
  if (fd >= 0) trace.file_.reset(::fdopen(fd, "w"));
  // One that was there may be open to others; a pipe or a terminal is as it is.
  struct stat info {};
  if (trace.file_ && ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
      ::fchmod(fd, kOwnerOnly) != 0) {
    return Error{ErrorCode::kIoError,
                 path + ": cannot be closed to other users: " + std::strerror(errno)};
  }
  if (!trace.file_) {
    return Error{ErrorCode::kIoError, path + ": cannot be written: " + std::strerror(errno)};
  }
  return trace;
}

void TraceFile::write(const JudgeExchange& exchange) {
  std::string line;
  ObjectWriter object(line);
  object.raw("request", request_json(exchange)).member("status", exchange.status);
  if (exchange.error.empty()) {
    object.member("response", text(exchange.response));
  } else {
    object.member("error", text(exchange.error));
  }
  object.member("elapsed_ms", milliseconds(exchange.elapsed)).end();
  line += '\n';
  const bool written = std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size() &&
                       std::fflush(file_.get()) == 0;
  failed_ = failed_ || !written;
}

Result<void> TraceFile::close() {
  const bool closed = std::fclose(file_.release()) == 0;
  if (closed && !failed_) return {};
  return Error{ErrorCode::kIoError, path_ + ": the trace is incomplete; is the disk full?"};
}

}  // namespace crossrank::cli
