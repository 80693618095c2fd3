// What the compiler and the ABI library do: exceptions, run-time types, thread-locals, the order of initialization.

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <typeindex>
#include <typeinfo>
#include <vector>

// Initialized before `second`, whose constructor uses it.
static std::string first = "first, longer than a short string";
static struct Second {
    std::size_t seen = first.size();
} second;

struct Guard {
    const char *name;
    explicit Guard(const char *name) : name(name) {}
    Guard(const Guard &) = delete;
    ~Guard() { std::printf("  unwound %s, uncaught %d\n", name, std::uncaught_exceptions()); }
};

struct Base {
    virtual ~Base() = default;
    virtual int value() const { return 1; }
};
struct Left : virtual Base {
    int value() const override { return 2; }
};
struct Right : virtual Base {
    double right = 3.5;
};
struct Both final : Left, Right {
    int value() const override { return 4; }
};

template <typename A, typename B> struct Pair {};

struct Fault : std::runtime_error {
    int code;
    Fault(const std::string &text, int code) : std::runtime_error(text), code(code) {}
};

[[noreturn]] static void fail(int code, double with) {
    Guard guard("fail");
    throw Fault("fault " + std::to_string(code), code + static_cast<int>(with));
}

static void exceptions() {
    try {
        Guard outer("outer");
        fail(7, 0.5);
    } catch (const std::runtime_error &error) {
        std::printf("caught by the base: %s\n", error.what());
    }
    try {
        try {
            Guard guard("rethrown");
            fail(8, 1.0);
        } catch (Fault &fault) {
            fault.code += 100;
            throw;
        }
    } catch (const Fault &fault) {
        std::printf("rethrown with code %d\n", fault.code);
    }
    try {
        try {
            fail(9, 2.0);
        } catch (...) {
            std::throw_with_nested(std::logic_error("around"));
        }
    } catch (const std::exception &error) {
        std::printf("nested: %s", error.what());
        try {
            std::rethrow_if_nested(error);
        } catch (const Fault &fault) {
            std::printf(", %s, code %d\n", fault.what(), fault.code);
        }
    }
    try {
        throw static_cast<const char *>("text");
    } catch (int) {
        std::printf("an int\n");
    } catch (const void *) {
        std::printf("a pointer, as a pointer to void\n");
    }
    try {
        throw 1.25L;
    } catch (long double value) {
        std::printf("a long double: %.2Lf\n", value);
    }
    try {
        throw std::pair<std::vector<int>, float>({1, 2, 3}, 0.5f);
    } catch (const std::pair<std::vector<int>, float> &pair) {
        std::printf("an object: %zu, %.1f\n", pair.first.size(), pair.second);
    }

    std::exception_ptr kept;
    std::thread([&kept] {
        try {
            fail(10, 0.0);
        } catch (...) {
            kept = std::current_exception();
        }
    }).join();
    for (int i = 0; i < 2; i++) {
        try {
            std::rethrow_exception(kept);
        } catch (const Fault &fault) {
            std::printf("from another thread: %s\n", fault.what());
        }
    }

    try {
        std::vector<int> numbers;
        (void)numbers.at(3);
    } catch (const std::out_of_range &) {
        std::printf("out of range\n");
    }
    try {
        volatile std::size_t much = SIZE_MAX / 2;
        ::operator delete(::operator new(much));
    } catch (const std::bad_alloc &) {
        std::printf("out of memory\n");
    }
    try {
        std::function<void()>()();
    } catch (const std::bad_function_call &) {
        std::printf("no function\n");
    }
}

static void types() {
    Both both;
    Base *base = &both;
    std::printf("virtual: %d, cast down: %d, across: %.1f\n", base->value(), dynamic_cast<Left *>(base) != nullptr,
                dynamic_cast<Right &>(*base).right);
    std::printf("the whole object: %d\n", dynamic_cast<void *>(static_cast<Right *>(&both)) == &both);
    auto plain = std::make_unique<Base>();
    std::printf("not derived: %d\n", dynamic_cast<Both *>(plain.get()) == nullptr);
    try {
        (void)dynamic_cast<Both &>(*plain);
    } catch (const std::bad_cast &) {
        std::printf("bad cast\n");
    }
    std::printf("typeid: %d %d %s\n", typeid(*base) == typeid(Both), typeid(*base) == typeid(Base),
                typeid(Pair<int Base::*, Left[2]>).name());
    std::map<std::type_index, int> by_type{{typeid(int), 1}, {typeid(Both), 2}};
    std::printf("type_index: %d\n", by_type[typeid(*base)]);
}

static std::atomic<int> destroyed{0};

struct PerThread {
    std::string text = "a thread-local string that does not fit in place";
    ~PerThread() { destroyed += static_cast<int>(text.size()); }
};
static thread_local PerThread per_thread;
static thread_local std::unique_ptr<int> counter = std::make_unique<int>(40);

static void thread_locals() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) {
        threads.emplace_back([] {
            per_thread.text += "!";
            ++*counter;
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    std::printf("destroyed: %d, our own: %d\n", destroyed.load(), ++*counter);
}

struct alignas(16) Wide {
    std::uint64_t low, high;
};

static void atomics() {
    std::atomic<std::uint64_t> eight{0};
    std::atomic<Wide> wide{Wide{1, 2}};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; i++) {
        threads.emplace_back([&] {
            for (int j = 0; j < 500; j++) {
                eight.fetch_add(0x1'0000'0001);
                Wide seen = wide.load();
                while (!wide.compare_exchange_weak(seen, Wide{seen.low + 1, seen.high + 2})) {
                }
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    Wide seen = wide.load();
    std::printf("8 bytes: %llx, 16 bytes: %llu %llu\n", static_cast<unsigned long long>(eight.load()),
                static_cast<unsigned long long>(seen.low), static_cast<unsigned long long>(seen.high));
}

static int local_static() {
    static int made = [] {
        static int tries = 0;
        if (++tries == 1) {
            throw std::runtime_error("not yet");
        }
        return tries;
    }();
    return made;
}

static void may_throw(int code) {
    if (code != 0) {
        throw Fault("fault " + std::to_string(code), code);
    }
}
static void never(int code) noexcept { may_throw(code); }

int main() {
    std::printf("second has seen %zu characters\n", second.seen);
    try {
        local_static();
    } catch (const std::runtime_error &error) {
        std::printf("local static: %s, then %d\n", error.what(), local_static());
    }
    types();
    thread_locals();
    atomics();
    exceptions();
    std::set_terminate([] {
        try {
            std::rethrow_exception(std::current_exception());
        } catch (const Fault &fault) {
            std::printf("terminated by: %s\n", fault.what());
        }
        std::fflush(stdout);
        std::_Exit(0);
    });
    never(11);
}
