// PNG through libpng. Its errors arrive by longjmp, so the functions that call setjmp hold nothing with a destructor.
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "data/exif.hpp"
#include "data/image_decoder.hpp"
#include "data/inflation.hpp"

namespace tessera {
namespace {

// Text, profiles and other chunks that are not looked at.
constexpr png_alloc_size_t max_chunk_bytes = 8U << 20U;

class PngReader {
 public:
  explicit PngReader(std::span<const std::byte> file) : file_(file) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      fail("PNG reader", "not enough memory");
    }
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  /// The header: sizes only, before libpng allocates by them. False: `message` says why.
  bool read_header() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_read_fn(png_, this, on_read);
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // the number of pixels counts, see decode_png
    png_set_chunk_malloc_max(png_, max_chunk_bytes);
    png_read_info(png_, info_);
    stored_row_bytes = png_get_rowbytes(png_, info_);
    width = png_get_image_width(png_, info_);
    height = png_get_image_height(png_, info_);
    return true;
  }

  /// What to convert while reading; libpng allocates its lines here. False: `message` says why.
  bool begin_rows() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_expand(png_);
    png_set_scale_16(png_);
    png_set_gray_to_rgb(png_);
    png_set_strip_alpha(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  [[nodiscard]] std::size_t row_bytes() const { return png_get_rowbytes(png_, info_); }

  bool read_rows(png_bytepp rows) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_image(png_, rows);
    png_read_end(png_, info_);
    return true;
  }

  [[nodiscard]] int orientation() const {
    png_uint_32 size = 0;
    png_bytep exif = nullptr;
    if (png_get_eXIf_1(png_, info_, &size, &exif) == 0 || exif == nullptr) return 1;
    return exif_orientation({reinterpret_cast<const std::byte*>(exif), size});
  }

  std::int64_t width = 0, height = 0;
  std::size_t stored_row_bytes = 0;
  char message[128] = "";
  bool cut_short = false;

 private:
  static void on_error(png_structp png, png_const_charp text) {
    auto* reader = static_cast<PngReader*>(png_get_error_ptr(png));
    std::strncpy(reader->message, text, sizeof reader->message - 1);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp /*png*/, png_const_charp /*text*/) {}

  static void on_read(png_structp png, png_bytep target, std::size_t size) {
    auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
    if (size > reader->file_.size() - reader->at_) {
      reader->cut_short = true;
      png_error(png, "end of file");
    }
    std::memcpy(target, reader->file_.data() + reader->at_, size);
    reader->at_ += size;
  }

  std::span<const std::byte> file_;
  std::size_t at_ = 0;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

[[noreturn]] void reject_png(const PngReader& reader, const std::string& origin) {
  if (reader.cut_short) reject(origin, "the PNG file is cut short", "copy it again or remove it");
  reject(origin, "the PNG file is damaged (" + std::string(reader.message) + ")", "copy it again or remove it");
}

}  // namespace

RgbImage decode_png(std::span<const std::byte> file, const std::string& origin) {
  PngReader reader(file);
  if (!reader.read_header()) reject_png(reader, origin);
  require_decodable(reader.width, reader.height, origin);
  if (reader.stored_row_bytes * static_cast<std::uint64_t>(reader.height) / max_inflation > file.size())
    reject(origin, "the PNG file is cut short", "copy it again or remove it");
  if (!reader.begin_rows()) reject_png(reader, origin);
  RgbImage image(reader.width, reader.height);
  if (reader.row_bytes() != static_cast<std::size_t>(reader.width) * 3)
    reject(origin, "a kind of PNG that is not supported", "save it again as RGB");
  std::vector<png_bytep> rows;
  for (std::int64_t y = 0; y < image.height; ++y) rows.push_back(image.row(y));
  if (!reader.read_rows(rows.data())) reject_png(reader, origin);
  return upright(std::move(image), reader.orientation());
}

}  // namespace tessera
