// Cupel's driver: reads the arguments, calls the submission, and writes the result to descriptor 3. This file contains
// the codecs of the types; the generated main.cc contains the codecs of the nodes that the signature uses, and the calls.
//
// Standard input: a line with the nonce, a line with the signature, then the values. With the argument --cupel-batch: a
// line with the signature, then the tests, each of which arrives after the answer to the previous one; see batch.rs.
#include <unistd.h>

namespace cupel_driver {

constexpr int RESULT = 3;
constexpr std::size_t NODES_MAX = 1000000;

/** The result is not a value of the declared type. */
struct Wrong {
    const char *why;
};

/** Whether a node occurs twice. The places without a node are null. */
template <class Node>
bool repeats(std::vector<const Node *> places) {
    std::sort(places.begin(), places.end(), std::less<const Node *>());
    auto same = [](const Node *a, const Node *b) { return a && a == b; };
    return std::adjacent_find(places.begin(), places.end(), same) != places.end();
}

class Reader {
  public:
    explicit Reader(int from) : from(from) {}
    /** Receives more input. Returns whether there was any. */
    bool receive() {
        char chunk[1 << 16];
        ssize_t n = ::read(from, chunk, sizeof chunk);
        if (n > 0) data.append(chunk, static_cast<std::size_t>(n));
        return n > 0;
    }
    /** Receives input until there is a whole line. Returns whether there is one. */
    bool await_line() {
        while (data.find('\n', at) == std::string::npos)
            if (!receive()) return false;
        return true;
    }
    /** Receives input until there are this many bytes. */
    void await(std::size_t length) {
        while (data.size() - at < length && receive()) {
        }
    }
    /** Drops the input that was received. */
    void clear() {
        data.clear();
        at = 0;
    }
    std::string line() {
        std::size_t end = data.find('\n', at);
        std::string line = data.substr(at, end - at);
        at = end + 1;
        return line;
    }
    long long integer() {
        space();
        bool negative = data[at] == '-';
        at += negative;
        unsigned long long n = 0;
        for (; data[at] > ' '; at++) n = n * 10 + static_cast<unsigned long long>(data[at] - '0');
        return static_cast<long long>(negative ? 0 - n : n);
    }
    double real() {
        space();
        char *end;
        double x = std::strtod(data.c_str() + at, &end);
        at = static_cast<std::size_t>(end - data.c_str());
        return x;
    }
    std::string text() {
        std::size_t length = static_cast<std::size_t>(integer());
        std::string text = data.substr(at + 1, length);
        at += 1 + length;
        return text;
    }

  private:
    int from;
    std::string data;
    std::size_t at = 0;
    void space() {
        while (data[at] == ' ' || data[at] == '\n') at++;
    }
};

class Writer {
  public:
    std::string out;
    void word(const std::string &word) { out.append(word).push_back('\n'); }
    void text(const std::string &text) {
        if (!is_utf8(text)) throw Wrong{"a string of the result is not UTF-8"};
        word(std::to_string(text.size()));
        word(text);
    }

  private:
    static bool is_utf8(const std::string &text) {
        for (std::size_t i = 0; i < text.size();) {
            unsigned c = static_cast<unsigned char>(text[i++]);
            int more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : -1;
            if (more < 0) return false;
            unsigned point = more == 0 ? c : c & (0x3fu >> more);
            for (int left = more; left > 0; left--) {
                unsigned next = i < text.size() ? static_cast<unsigned char>(text[i++]) : 0;
                if ((next & 0xc0) != 0x80) return false;
                point = point << 6 | (next & 0x3f);
            }
            if ((more == 2 && point < 0x800) || (more == 3 && (point < 0x10000 || point > 0x10ffff))) return false;
            if (point >= 0xd800 && point < 0xe000) return false;
        }
        return true;
    }
};

template <class T>
struct Codec;

template <>
struct Codec<long long> {
    static long long read(Reader &in) { return in.integer(); }
    static void write(long long n, Writer &to) { to.word(std::to_string(n)); }
};
template <>
struct Codec<int> {
    static int read(Reader &in) { return static_cast<int>(in.integer()); }
    static void write(int n, Writer &to) { to.word(std::to_string(n)); }
};
template <>
struct Codec<double> {
    static double read(Reader &in) { return in.real(); }
    static void write(double x, Writer &to) {
        char text[40];
        std::snprintf(text, sizeof text, "%.17g", x);
        to.word(std::isnan(x) ? "nan" : text);
    }
};
template <>
struct Codec<bool> {
    static bool read(Reader &in) { return in.integer() != 0; }
    static void write(bool b, Writer &to) { to.word(b ? "1" : "0"); }
};
template <>
struct Codec<char> {
    static char read(Reader &in) { return in.text()[0]; }
    static void write(char c, Writer &to) {
        if (static_cast<unsigned char>(c) > 0x7f) throw Wrong{"a char of the result is not ASCII"};
        to.text(std::string(1, c));
    }
};
template <>
struct Codec<std::string> {
    static std::string read(Reader &in) { return in.text(); }
    static void write(const std::string &text, Writer &to) { to.text(text); }
};
template <class T>
struct Codec<std::vector<T>> {
    static std::vector<T> read(Reader &in) {
        std::vector<T> items;
        long long count = in.integer();
        items.reserve(static_cast<std::size_t>(count));
        while (count-- > 0) items.push_back(Codec<T>::read(in));
        return items;
    }
    static void write(const std::vector<T> &items, Writer &to) {
        to.word(std::to_string(items.size()));
        for (std::size_t i = 0; i < items.size(); i++) Codec<T>::write(items[i], to);
    }
};
template <class T>
struct Codec<std::optional<T>> {
    static std::optional<T> read(Reader &in) {
        if (in.integer() == 0) return std::nullopt;
        return Codec<T>::read(in);
    }
    static void write(const std::optional<T> &value, Writer &to) {
        to.word(value ? "1" : "0");
        if (value) Codec<T>::write(*value, to);
    }
};
template <class T>
struct Codec<std::map<std::string, T>> {
    static std::map<std::string, T> read(Reader &in) {
        std::map<std::string, T> map;
        for (long long count = in.integer(); count > 0; count--) {
            std::string key = in.text();
            map.emplace(std::move(key), Codec<T>::read(in));
        }
        return map;
    }
    static void write(const std::map<std::string, T> &map, Writer &to) {
        to.word(std::to_string(map.size()));
        for (const auto &entry : map) {
            to.text(entry.first);
            Codec<T>::write(entry.second, to);
        }
    }
};

/* These names have a prefix because they are used after the submission's source, which may define macros. */
template <class T>
T cupel_read(Reader &in) {
    return Codec<T>::read(in);
}
template <class T>
void cupel_write(const T &value, Writer &to) {
    Codec<T>::write(value, to);
}

/** Calls the submission. Generated from the signature. */
void cupel_call(Reader &cupel_in, Writer &cupel_to);

/** Sends a complete frame. */
inline void send_frame(const std::string &frame) {
    for (std::size_t at = 0; at < frame.size();) {
        ssize_t n = ::write(RESULT, frame.data() + at, frame.size() - at);
        if (n <= 0) break;
        at += static_cast<std::size_t>(n);
    }
}

/** Ends the process without running any more code of the submission. */
inline void end() {
    std::cout.flush();
    std::fflush(nullptr);
    ::_exit(0);
}

/** Sends a complete frame and ends the process. */
inline void send(const std::string &frame) {
    send_frame(frame);
    end();
}

/** Calls the submission for one test after another. The input contains at most one unanswered test. */
inline void batch() {
    Reader in(::dup(0));
    // Standard input is empty for the submission, as it is for a single test.
    if (!std::freopen("/dev/null", "r", stdin)) ::_exit(1);
    if (in.await_line()) in.line();
    for (bool is_first = true; in.await_line(); is_first = false) {
        std::string nonce = in.line();
        std::size_t space = nonce.find(' ');
        in.await(std::stoul(nonce.substr(space + 1)));
        nonce.resize(space);
        if (is_first) send_frame(nonce + " ready\n");
        Writer to;
        try {
            cupel_call(in, to);
        } catch (const Wrong &wrong) {
            send(nonce + " wrong\n" + wrong.why + "\n");
        }
        send_frame(nonce + " ok " + std::to_string(to.out.size()) + "\n" + to.out);
        in.clear();
    }
    end();
}

}  // namespace cupel_driver

int main(int argc, char **argv) {
    if (argc == 2 && std::string(argv[1]) == "--cupel-batch") cupel_driver::batch();
    cupel_driver::Reader in(0);
    while (in.receive()) {
    }
    std::string nonce = in.line();
    in.line();
    cupel_driver::Writer to;
    try {
        cupel_driver::cupel_call(in, to);
    } catch (const cupel_driver::Wrong &wrong) {
        cupel_driver::send(nonce + " wrong\n" + wrong.why + "\n");
    }
    cupel_driver::send(nonce + " ok\n" + to.out);
}
