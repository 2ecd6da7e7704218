// A session as Python holds it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tessera/tessera.hpp"

namespace tessera::python {

class PythonSession {
 public:
  PythonSession(Model model, Session session, std::map<std::string, std::int64_t> extents);
  PythonSession(const PythonSession&) = delete;
  PythonSession& operator=(const PythonSession&) = delete;
  /// Lets other threads of Python run: requests that it waits for call Python. May itself happen inside such a call.
  ~PythonSession();

  [[nodiscard]] Session& engine() noexcept { return *session_; }
  /// The same to do what may move the memory of the prepared plan. Error{invalid} while Python has views of it.
  [[nodiscard]] Session& engine_without_views();
  /// To be kept as long as a view of that memory lives.
  [[nodiscard]] std::shared_ptr<const void> begin_view() { return views_; }
  [[nodiscard]] const Session& engine() const noexcept { return *session_; }
  [[nodiscard]] const std::vector<TensorInfo>& inputs() const noexcept { return inputs_; }
  [[nodiscard]] const std::vector<TensorInfo>& outputs() const noexcept { return outputs_; }

  /// To be kept by all that belongs to a request and needs Python.
  [[nodiscard]] std::shared_ptr<const void> begin_request();
  /// Until no such token is left.
  void wait();
  /// As Session::run_async.
  void run_async(TensorMap inputs, Session::Done done);
  /// As Session::prepare.
  void prepare(const std::map<std::string, std::int64_t>& extents);
  /// Seeded inputs of the prepared extents.
  [[nodiscard]] TensorMap random_inputs() const;

 private:
  /// Outlives the session, which may go inside a callback.
  struct Requests {
    std::mutex mutex;
    std::condition_variable finished;
    int count = 0;
  };

  Model model_;
  std::optional<Session> session_;
  std::map<std::string, std::int64_t> extents_;
  std::vector<TensorInfo> inputs_, outputs_;  ///< as the model declares them
  std::shared_ptr<Requests> requests_ = std::make_shared<Requests>();
  std::shared_ptr<const void> views_ = std::make_shared<char>();  ///< shared with every view that is left
};

}  // namespace tessera::python
