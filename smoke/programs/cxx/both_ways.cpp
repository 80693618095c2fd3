// The C++ half of `cxx_object`.

#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

using Callback = void (*)(int);

namespace {
struct Guard {
    const char *name;
    ~Guard() { std::printf("C++ destroys %s\n", name); }
};

thread_local std::unique_ptr<Guard> kept;
} // namespace

extern "C" {
// Calls back and catches what comes out of it.
int cxx_catch(Callback callback, int value) {
    Guard guard{"the catching frame"};
    try {
        callback(value);
        return 0;
    } catch (const std::out_of_range &error) {
        std::printf("C++ caught: %s\n", error.what());
        return 1;
    }
}

// Throws if the value is not in a map.
void cxx_throw(int value) {
    Guard guard{"the throwing frame"};
    const std::map<int, std::string> names{{1, "one"}, {2, "two"}};
    try {
        std::printf("C++ knows %s\n", names.at(value).c_str());
    } catch (const std::out_of_range &) {
        std::ostringstream text;
        text << "no name for " << value;
        throw std::out_of_range(text.str());
    }
}

// Calls back through a frame that has something to destroy.
void cxx_through(Callback callback, int value) {
    Guard guard{"the frame in between"};
    std::function<void(int)> call = callback;
    call(value);
}

// Runs the callback in a thread of C++.
void cxx_thread(Callback callback, int value) {
    std::thread([&] {
        kept.reset(new Guard{"a thread-local"});
        callback(value);
    }).join();
}
}
