// The shared library of `cxx-shared`. It contains libc++, as the program does.
#include "cxx-shared.hpp"

#include <iostream>
#include <memory>
#include <new>
#include <vector>

namespace {
struct Appends {
    std::string *log;
    ~Appends() { *log += "[library]"; }
};
struct Own : Shared {
    int code;
    explicit Own(int code) : Shared("own " + std::to_string(code)), code(code) {}
};
thread_local std::unique_ptr<int> count = std::make_unique<int>(0);
} // namespace

void library_throw(const char *what) {
    const std::string name = what;
    if (name == "shared") {
        throw Shared("from the library");
    }
    if (name == "derived") {
        throw Own(5);
    }
    if (name == "range") {
        (void)std::vector<int>().at(1);
    }
    if (name == "memory") {
        throw std::bad_alloc();
    }
    throw 42;
}

const char *library_catch(void (*thrower)()) {
    try {
        thrower();
    } catch (const Shared &) {
        return "shared";
    } catch (const std::exception &) {
        return "standard";
    } catch (int) {
        return "int";
    }
    return "nothing";
}

void library_through(void (*thrower)(), std::string *log) {
    Appends appends{log};
    thrower();
}

Shape *library_shape() { return new Square; }

void library_keep(int code, std::exception_ptr *kept) {
    try {
        throw Own(code);
    } catch (...) {
        *kept = std::current_exception();
    }
}

int library_thread_local() {
    std::cout << "the library's stream" << std::endl;
    return ++*count;
}
