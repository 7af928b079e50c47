// The trace of a judge: requests and answers as JSON lines in a file. What it gets has no secrets.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "crossrank/judge.h"
#include "crossrank/result.h"

namespace crossrank::cli {

// One thread at a time.
class TraceFile {
 public:
  // Made anew or emptied, readable by its owner alone: it holds documents. Error: kIoError.
  static Result<TraceFile> open(const std::string& path);

  // A line, on the disk at once: a trace is read when something went wrong.
  void write(const JudgeExchange& exchange);

  // Error: kIoError when a line could not be written.
  Result<void> close();

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Closer> file_;
  bool failed_ = false;
};

// {"url", "headers", "body"}: a request as JSON on one line.
std::string request_json(const JudgeExchange& exchange);

}  // namespace crossrank::cli
