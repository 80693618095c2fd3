// What the program and the shared library of `cxx-shared` both know.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>

// Its type information is in both: it has no virtual function outside of the class.
struct Shared : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Shape {
    virtual ~Shape() = default;
    virtual int corners() const = 0;
};

struct Square : Shape {
    int corners() const override { return 4; }
};

extern "C" {
// Throws what the name says.
void library_throw(const char *what);
// Calls the function, and returns what it threw as text.
const char *library_catch(void (*thrower)());
// Calls the function through a frame with a destructor, which appends to the log.
void library_through(void (*thrower)(), std::string *log);
Shape *library_shape();
void library_keep(int code, std::exception_ptr *kept);
int library_thread_local();
}
