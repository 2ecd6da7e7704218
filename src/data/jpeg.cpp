// JPEG through libjpeg(-turbo). Its errors leave by longjmp, so the functions that call setjmp hold nothing with a
// destructor.
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

// jpeglib.h wants size_t and FILE declared before it.
#include <jpeglib.h>

#include <jerror.h>

#include "core/error.hpp"
#include "data/exif.hpp"
#include "data/image_decoder.hpp"

namespace tessera {
namespace {

// A progressive file may rewrite the same pixels scan after scan; encoders make about ten.
constexpr int max_scans = 500;
constexpr int exif_marker = JPEG_APP0 + 1;
constexpr std::string_view exif_prefix{"Exif\0\0", 6};

/// Blemishes that leave every pixel as the encoder meant it.
bool harmless(int warning) {
  return warning == JWRN_ADOBE_XFORM || warning == JWRN_EXTRANEOUS_DATA || warning == JWRN_JFIF_MAJOR ||
         warning == JWRN_TOO_MUCH_DATA || warning == JWRN_BOGUS_PROGRESSION || warning == JWRN_NOT_SEQUENTIAL;
}

class JpegReader {
 public:
  explicit JpegReader(std::span<const std::byte> file) : file_(file) {
    decoder_.err = jpeg_std_error(&errors_);
    errors_.error_exit = on_error;
    errors_.emit_message = on_message;
    errors_.output_message = [](j_common_ptr) {};
    decoder_.client_data = this;
  }
  ~JpegReader() { jpeg_destroy_decompress(&decoder_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  /// The header, and how to convert. False: `message` says why.
  bool read_header() {
    if (setjmp(escape_) != 0) return false;
    jpeg_create_decompress(&decoder_);
    progress_.progress_monitor = on_progress;
    decoder_.progress = &progress_;
    jpeg_mem_src(&decoder_, reinterpret_cast<const unsigned char*>(file_.data()), file_.size());
    jpeg_save_markers(&decoder_, exif_marker, 0xffff);
    jpeg_read_header(&decoder_, TRUE);
    width = decoder_.image_width;
    height = decoder_.image_height;
    ink = decoder_.jpeg_color_space == JCS_CMYK || decoder_.jpeg_color_space == JCS_YCCK;
    decoder_.out_color_space = ink ? JCS_CMYK : JCS_RGB;
    return true;
  }

  /// All rows, each `channels` bytes per pixel, one after the other.
  bool read_rows(std::uint8_t* target, std::size_t row_bytes) {
    if (setjmp(escape_) != 0) return false;
    jpeg_start_decompress(&decoder_);
    while (decoder_.output_scanline < decoder_.output_height) {
      JSAMPROW row = target + decoder_.output_scanline * row_bytes;
      jpeg_read_scanlines(&decoder_, &row, 1);
    }
    return true;
  }

  [[nodiscard]] int orientation() const {
    for (jpeg_saved_marker_ptr marker = decoder_.marker_list; marker != nullptr; marker = marker->next) {
      const std::string_view data{reinterpret_cast<const char*>(marker->data), marker->data_length};
      if (marker->marker == exif_marker && data.starts_with(exif_prefix))
        return exif_orientation(std::as_bytes(std::span(data.substr(exif_prefix.size()))));
    }
    return 1;
  }

  /// Adobe's programs store the inverse of the amounts of ink.
  [[nodiscard]] bool inverted_ink() const { return decoder_.saw_Adobe_marker != 0; }

  std::int64_t width = 0, height = 0;
  bool ink = false;  ///< CMYK
  char message[JMSG_LENGTH_MAX] = "";
  bool cut_short = false;

 private:
  static JpegReader& reader_of(j_common_ptr common) { return *static_cast<JpegReader*>(common->client_data); }

  static void on_error(j_common_ptr common) {
    JpegReader& reader = reader_of(common);
    common->err->format_message(common, reader.message);
    std::longjmp(reader.escape_, 1);
  }
  /// What libjpeg only warns of is an error here when pixels were made up for it.
  static void on_message(j_common_ptr common, int level) {
    if (level >= 0 || harmless(common->err->msg_code)) return;
    reader_of(common).cut_short = common->err->msg_code == JWRN_JPEG_EOF || common->err->msg_code == JWRN_HIT_MARKER;
    on_error(common);
  }
  static void on_progress(j_common_ptr common) {
    if (reinterpret_cast<j_decompress_ptr>(common)->input_scan_number <= max_scans) return;
    JpegReader& reader = reader_of(common);
    std::strcpy(reader.message, "too many scans");
    std::longjmp(reader.escape_, 1);
  }

  std::span<const std::byte> file_;
  jpeg_decompress_struct decoder_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf escape_{};
};

[[noreturn]] void reject_jpeg(const JpegReader& reader, const std::string& origin) {
  if (reader.cut_short) reject(origin, "the JPEG file is cut short", "copy it again or remove it");
  reject(origin, "the JPEG file is damaged (" + std::string(reader.message) + ")", "copy it again or remove it");
}

/// Light that cyan, magenta, yellow and black ink leave over.
RgbImage from_ink(const std::vector<std::uint8_t>& cmyk, bool inverted, std::int64_t width, std::int64_t height) {
  RgbImage image(width, height);
  const int flip = inverted ? 0 : 255;
  for (std::size_t i = 0; i < cmyk.size() / 4; ++i) {
    const int paper = cmyk[4 * i + 3] ^ flip;  // 255 - black
    for (std::size_t c = 0; c < 3; ++c)
      image.pixels[3 * i + c] = static_cast<std::uint8_t>(((cmyk[4 * i + c] ^ flip) * paper + 127) / 255);
  }
  return image;
}

}  // namespace

RgbImage decode_jpeg(std::span<const std::byte> file, const std::string& origin) {
  JpegReader reader(file);
  if (!reader.read_header()) reject_jpeg(reader, origin);
  require_decodable(reader.width, reader.height, origin);
  const auto row = static_cast<std::size_t>(reader.width);
  if (reader.ink) {
    std::vector<std::uint8_t> cmyk(row * 4 * static_cast<std::size_t>(reader.height));
    if (!reader.read_rows(cmyk.data(), row * 4)) reject_jpeg(reader, origin);
    return upright(from_ink(cmyk, reader.inverted_ink(), reader.width, reader.height), reader.orientation());
  }
  RgbImage image(reader.width, reader.height);
  if (!reader.read_rows(image.pixels.data(), row * 3)) reject_jpeg(reader, origin);
  return upright(std::move(image), reader.orientation());
}

}  // namespace tessera
