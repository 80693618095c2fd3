// What the standard library does: streams, locales, formatting, files, threads.

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <complex>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <locale>
#include <mutex>
#include <numeric>
#include <queue>
#include <random>
#include <shared_mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>
#if __has_include(<format>)
#include <format>
#endif

static void streams() {
    std::cout << std::boolalpha << true << ' ' << std::hex << std::showbase << 48879 << ' ' << std::dec << -7 << ' '
              << std::setw(8) << std::setfill('*') << 1234 << ' ' << std::scientific << std::setprecision(3) << 12345.678
              << ' ' << std::fixed << 2.0 / 3 << ' ' << std::defaultfloat << 1e100 << ' ' << 0.1L << '\n';
    std::istringstream in("12 0x1f 3.75 word nonsense");
    int a = 0, b = 0;
    double c = 0;
    std::string d;
    in >> a >> std::hex >> b >> c >> d;
    std::cout << std::noshowbase << a << ' ' << b << ' ' << c << ' ' << d << ' ';
    in >> a;
    std::cout << in.fail() << '\n';
    try {
        std::istringstream strict("x");
        strict.exceptions(std::ios::failbit);
        strict >> a;
    } catch (const std::ios_base::failure &) {
        std::cout << "a stream's exception\n";
    }
    std::cout << std::complex<double>(1, -2) * std::complex<double>(3, 0.5) << ' ' << std::quoted("a \"b\"") << '\n';
    std::wstringstream wide;
    wide << L"wide " << 42 << std::endl;
    std::cout << wide.str().size() << '\n';
}

struct Grouped : std::numpunct<char> {
    char do_thousands_sep() const override { return '\''; }
    std::string do_grouping() const override { return "\3"; }
    char do_decimal_point() const override { return ','; }
};

static void locales() {
    std::ostringstream out;
    out.imbue(std::locale(std::locale::classic(), new Grouped));
    out << 1234567890123LL << ' ' << std::fixed << std::setprecision(2) << 9876543.21;
    const auto &ctype = std::use_facet<std::ctype<char>>(std::locale::classic());
    std::cout << out.str() << ' ' << ctype.toupper('x') << ' ' << std::isspace('\t', std::locale::classic()) << ' '
              << std::locale().name() << '\n';
    std::tm time{};
    std::istringstream in("2024-02-29 12:34:56");
    in >> std::get_time(&time, "%Y-%m-%d %H:%M:%S");
    std::cout << std::put_time(&time, "%d.%m.%y %H-%M-%S") << ' ' << time.tm_mon << '\n';
}

static void formats() {
#if __has_include(<format>)
    std::cout << std::format("{:>6}|{:<6}|{:^6}|{:#x}|{:+.3e}|{:.2f}|{}|{}\n", 42, "ab", 'c', 255, 12345.678, 2.5f,
                             0.1, true);
#else
    std::printf("%6d|%-6s|  %c   |%#x|%+.3e|%.2f|%.1f|true\n", 42, "ab", 'c', 255, 12345.678, 2.5, 0.1);
    std::fflush(stdout);
#endif
    std::array<char, 64> buffer;
    auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), 6.02214076e23).ptr;
    std::cout << std::string_view(buffer.data(), end - buffer.data()) << ' ';
    end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), 0.1f, std::chars_format::hex).ptr;
    std::cout << std::string_view(buffer.data(), end - buffer.data()) << ' ';
    int number = 0;
    std::string_view text = "-2147483648x";
    auto result = std::from_chars(text.data(), text.data() + text.size(), number);
    std::cout << number << *result.ptr << ' ' << std::stod("1e-30") << ' ' << std::to_string(1.5L) << '\n';
}

static void files() {
    namespace fs = std::filesystem;
    const fs::path folder = fs::temp_directory_path() / "bringup-smoke-cxx";
    fs::remove_all(folder);
    fs::create_directories(folder / "a" / "b");
    std::ofstream(folder / "a" / "file.txt") << "one\ntwo\nthree\n";
    fs::create_symlink("a/file.txt", folder / "link");
    fs::rename(folder / "a" / "file.txt", folder / "a" / "b" / "moved.txt");
    std::cout << fs::file_size(folder / "a/b/moved.txt") << ' ' << fs::exists(folder / "link") << ' '
              << fs::is_symlink(folder / "link") << ' ' << fs::path("/a/./b/../c").lexically_normal() << '\n';
    std::vector<std::string> names;
    for (const auto &entry : fs::recursive_directory_iterator(folder)) {
        names.push_back(entry.path().lexically_relative(folder).generic_string());
    }
    std::sort(names.begin(), names.end());
    for (const auto &name : names) {
        std::cout << name << ' ';
    }
    std::ifstream in(folder / "a/b/moved.txt");
    std::string line, lines;
    while (std::getline(in, line)) {
        lines += line + ',';
    }
    std::error_code code;
    (void)fs::file_size(folder / "none", code);
    std::cout << lines << ' ' << (code == std::errc::no_such_file_or_directory) << ' ' << fs::remove_all(folder) << '\n';
    try {
        fs::create_directory(folder / "x" / "y");
    } catch (const fs::filesystem_error &error) {
        std::cout << "files: " << (error.code() == std::errc::no_such_file_or_directory) << '\n';
    }
}

template <typename T> class Channel {
    std::mutex mutex;
    std::condition_variable changed;
    std::queue<T> queue;
    bool closed = false;

  public:
    void send(T value) {
        std::lock_guard lock(mutex);
        queue.push(std::move(value));
        changed.notify_one();
    }
    void close() {
        std::lock_guard lock(mutex);
        closed = true;
        changed.notify_all();
    }
    bool receive(T &value) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return closed || !queue.empty(); });
        if (queue.empty()) {
            return false;
        }
        value = std::move(queue.front());
        queue.pop();
        return true;
    }
};

static void threads() {
    Channel<std::string> channel;
    std::vector<std::future<std::size_t>> sums;
    for (int i = 0; i < 3; i++) {
        sums.push_back(std::async(std::launch::async, [&channel] {
            std::size_t sum = 0;
            for (std::string text; channel.receive(text);) {
                sum += text.size();
            }
            return sum;
        }));
    }
    for (std::size_t i = 0; i < 100; i++) {
        channel.send(std::string(i, 'x'));
    }
    channel.close();
    std::size_t total = 0;
    for (auto &sum : sums) {
        total += sum.get();
    }
    auto broken = std::async(std::launch::async, []() -> int { throw std::out_of_range("from a thread"); });
    try {
        std::cout << broken.get();
    } catch (const std::out_of_range &error) {
        std::cout << total << ' ' << error.what();
    }
    std::promise<int> promise;
    auto future = promise.get_future();
    std::jthread setter([&promise] { promise.set_value(6); });
    const bool waited = future.wait_for(std::chrono::seconds(30)) == std::future_status::ready;
    std::once_flag once;
    std::shared_mutex shared;
    int calls = 0;
    {
        std::vector<std::jthread> all;
        for (int i = 0; i < 4; i++) {
            all.emplace_back([&] {
                std::call_once(once, [&calls] { calls += 1; });
                std::unique_lock lock(shared);
                calls += 10;
            });
        }
    }
    std::cout << ' ' << waited << ' ' << future.get() << ' ' << calls << '\n';
}

static void containers() {
    std::mt19937_64 random(42);
    std::vector<std::uint64_t> numbers(1000);
    std::generate(numbers.begin(), numbers.end(), random);
    std::sort(numbers.begin(), numbers.end(), std::greater<>());
    std::unordered_map<std::string, int> counts;
    for (auto number : numbers) {
        ++counts[std::to_string(number % 7)];
    }
    std::variant<int, std::string> variant = "text that is too long to be kept in place";
    std::cout << numbers[500] << ' ' << counts["3"] << ' ' << std::get<std::string>(variant).size() << ' '
              << std::accumulate(numbers.begin(), numbers.end(), std::uint64_t{0}) << '\n';
}

int main() {
    streams();
    locales();
    formats();
    files();
    threads();
    containers();
}
