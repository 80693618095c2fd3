// Exceptions, types and thread-locals across the border of a shared library, linked with it or loaded by dlopen.
#include "cxx-shared.hpp"

#include <dlfcn.h>
#include <iostream>
#include <memory>
#include <thread>
#include <typeinfo>

#ifdef LOADED
static void *library;
template <typename F> static F *symbol(const char *name) {
    void *found = dlsym(library, name);
    if (found == nullptr) {
        std::cout << "no symbol " << name << std::endl;
        std::exit(1);
    }
    return reinterpret_cast<F *>(found);
}
#define CALL(name) symbol<decltype(name)>(#name)
#else
#define CALL(name) name
#endif

static std::string caught(const char *what) {
    try {
        CALL(library_throw)(what);
    } catch (const Shared &error) {
        return std::string("shared: ") + error.what();
    } catch (const std::out_of_range &) {
        return "out of range";
    } catch (const std::bad_alloc &) {
        return "bad alloc";
    } catch (const std::exception &error) {
        return std::string("standard: ") + error.what();
    } catch (int value) {
        return "int: " + std::to_string(value);
    }
    return "nothing";
}

int main(int, char **arguments) {
#ifdef LOADED
    std::string path = arguments[0];
    path = path.substr(0, path.rfind('/') + 1) + "libcxx-shared.so";
    library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        std::cout << dlerror() << std::endl;
        return 1;
    }
#else
    (void)arguments;
#endif
    for (const char *what : {"shared", "derived", "range", "memory", "int"}) {
        std::cout << caught(what) << std::endl;
    }
    std::cout << CALL(library_catch)([] { throw Shared("from the program"); }) << ' '
              << CALL(library_catch)([] { throw std::logic_error("from the program"); }) << ' '
              << CALL(library_catch)([] { throw 7; }) << std::endl;
    std::string log;
    try {
        CALL(library_through)([] { throw Shared("through the library"); }, &log);
    } catch (const Shared &error) {
        std::cout << log << ' ' << error.what() << ' ' << std::uncaught_exceptions() << std::endl;
    }
    std::unique_ptr<Shape> shape(CALL(library_shape)());
    const Shape &made = *shape;
    std::cout << (dynamic_cast<const Square *>(&made) != nullptr) << (typeid(made) == typeid(Square)) << ' '
              << shape->corners() << std::endl;
    std::exception_ptr kept;
    CALL(library_keep)(9, &kept);
    std::thread([&kept] {
        try {
            std::rethrow_exception(kept);
        } catch (const std::runtime_error &error) {
            std::cout << "kept: " << error.what() << std::endl;
        }
    }).join();
    int other = 0;
    std::thread([&other] { other = CALL(library_thread_local)(); }).join();
    CALL(library_thread_local)();
    const int own = CALL(library_thread_local)();
    std::cout << other << ' ' << own << std::endl;
}
