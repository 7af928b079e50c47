// Journal, WholeFile and InputFile: whose files stay what they are, and what two processes may do
// at once. What `rerank` makes of them is tested by rerank_files_test.py.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "apps/cli/journal.h"
#include "apps/cli/line_reader.h"
#include "apps/cli/whole_file.h"
#include "tests/support/error_of.h"

namespace crossrank::cli {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  Files() : folder_(fs::path(testing::TempDir()) / ("files." + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~Files() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path(name), std::ios::binary).rdbuf();
    return text.str();
  }
  static std::vector<std::string> lines_of(const Journal& journal) {
    std::vector<std::string> lines;
    EXPECT_TRUE(journal
                    .read([&](std::string_view line, std::size_t number) -> Result<void> {
                      EXPECT_EQ(number, lines.size() + 2);
                      lines.emplace_back(line);
                      return {};
                    })
                    .ok());
    return lines;
  }

  fs::path folder_;
};

using JournalFile = Files;

TEST_F(JournalFile, GoesOnBehindWholeLines) {
  for (const std::string begun : {"", "ti", "title", "title\n", "title\n{\"ha"}) {
    const Journal journal = Journal::open(write("j", begun), "title").value();
    EXPECT_EQ(journal.lines(), 0u) << begun;
    EXPECT_EQ(read("j"), "title\n") << begun;
  }
  {
    Journal journal = Journal::open(path("j"), "title").value();
    ASSERT_TRUE(journal.append("one").ok());
    ASSERT_TRUE(journal.append("").ok());
    EXPECT_EQ(lines_of(journal), (std::vector<std::string>{"one", ""}));
  }
  const Journal journal = Journal::open(write("j", read("j") + "thr"), "title").value();
  EXPECT_EQ(journal.lines(), 2u);
  EXPECT_EQ(read("j"), "title\none\n\n");
}

TEST_F(JournalFile, AStrangersFileStaysAsItIs) {
  for (const std::string& foreign : std::vector<std::string>{
           "x", "a thesis without a line break", "titlex", "tit\nle", "\n",
           "title \nresult\nhalf a", "title2\n", std::string("title\0", 6), "a\nb\nc"}) {
    const Error error = error_of(Journal::open(write("j", foreign), "title"));
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << foreign;
    EXPECT_EQ(read("j"), foreign);
  }
  fs::create_directory(path("folder"));
  EXPECT_EQ(error_of(Journal::open(path("folder"), "title")).code, ErrorCode::kIoError);
}

TEST_F(JournalFile, ALineMayBeLongerThanAnyInputs) {
  const std::string line(kMaxLineBytes + (1 << 20), 'x');
  Journal journal = Journal::open(path("j"), "title").value();
  ASSERT_TRUE(journal.append(line).ok());
  ASSERT_TRUE(journal.append("next").ok());
  const std::vector<std::string> lines = lines_of(journal);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[0] == line);
  EXPECT_EQ(lines[1], "next");
}

// One opens the file, the other finishes and deletes it, the one locks what is deleted: then a
// third could have the journal at the same time.
TEST_F(JournalFile, HasOneOwnerAtATime) {
  std::atomic<int> owners = 0;
  std::atomic<bool> shared = false;
  const auto work = [&] {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(400);
    while (std::chrono::steady_clock::now() < end && !shared) {
      auto journal = Journal::open(path("j"), "title");
      if (!journal.ok()) continue;
      if (++owners > 1 || !fs::exists(path("j"))) shared = true;
      if (!journal->append("line").ok() || !journal->remove().ok()) shared = true;
      --owners;
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(shared);
}

TEST_F(JournalFile, DeletesNoFileButItsOwn) {
  Journal journal = Journal::open(path("j"), "title").value();
  fs::rename(path("j"), path("moved"));
  write("j", "other");
  EXPECT_TRUE(journal.remove().ok());
  EXPECT_EQ(read("j"), "other");
}

using WholeFiles = Files;

TEST_F(WholeFiles, LeftOversOfAnotherProcessAreNotInTheWay) {
  const std::string stem = "out." + std::to_string(::getpid());
  write(stem + ".new", "left over");
  write(stem + ".1.new", "left over");
  WholeFile file = WholeFile::create(path("out")).value();
  ASSERT_TRUE(file.write("text").ok());
  ASSERT_TRUE(file.finish().ok());
  EXPECT_EQ(read("out"), "text");
  EXPECT_EQ(read(stem + ".new"), "left over");
  EXPECT_FALSE(fs::exists(path(stem + ".2.new")));
}

TEST_F(WholeFiles, AreNoInputsByAnySpelling) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  write("run", "x");
  fs::create_directory("sub");
  fs::create_symlink("run", "link");
  fs::create_symlink(".", "here");
  for (const std::string& same :
       std::vector<std::string>{"run", "./run", "sub/../run", "link", "here/run",
                                "../" + folder_.filename().string() + "/run", path("run")}) {
    const Error error =
        error_of(check_not_input("--out", same, {{"--other", ""}, {"--run", "run"}}));
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << same;
    EXPECT_NE(error.message.find("--out"), std::string::npos);
    EXPECT_NE(error.message.find("--run"), std::string::npos);
  }
  // Neither is there yet.
  for (const std::string& same :
       std::vector<std::string>{"./new", "sub/../new", "here/new", path("new")}) {
    EXPECT_FALSE(check_not_input("--out", same, {{"--details", "new"}}).ok()) << same;
  }
  EXPECT_TRUE(check_not_input("--out", "new", {{"--run", "run"}, {"--queries", "-"}}).ok());
  EXPECT_TRUE(check_not_input("--out", "sub/run", {{"--run", "run"}}).ok());
  EXPECT_TRUE(check_not_input("--out", "", {{"--run", ""}}).ok());
  EXPECT_FALSE(check_not_input("--out", "-", {}).ok());
  fs::current_path(before);
}

TEST_F(Files, CompressedInputIsNamed) {
  const std::string gzip = "\x1f\x8b\x08 and so on\n";
  LineReader reader(InputFile::open(write("in.gz", gzip)).value());
  const Error error = error_of(reader.next());
  EXPECT_EQ(error.code, ErrorCode::kIoError);
  EXPECT_NE(error.message.find("gunzip -k " + path("in.gz")), std::string::npos) << error.message;
  EXPECT_FALSE(InputFile::open(path("in.gz")).value().read_all().ok());
  for (const std::string plain : {"\x1f", "\x1fx", "x\x1f\x8b", ""}) {
    EXPECT_EQ(InputFile::open(write("in", plain)).value().read_all().value(), plain);
  }
}

}  // namespace
}  // namespace crossrank::cli
