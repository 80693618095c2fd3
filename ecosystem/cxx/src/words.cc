#include "try-cxx/src/words.h"

#include <cmath>
#include <sstream>
#include <stdexcept>
#include <thread>

void Words::add(rust::Str word) { counts[std::string(word)]++; }

std::uint64_t Words::count(rust::Str word) const {
    auto found = counts.find(std::string(word));
    if (found == counts.end())
        throw std::out_of_range("no such word: " + std::string(word));
    return found->second;
}

std::unique_ptr<std::string> Words::sorted() const {
    std::ostringstream text;
    for (const auto &[word, count] : counts)
        text << word << '=' << count << ' ';
    return std::make_unique<std::string>(text.str());
}

std::unique_ptr<Words> make_words() { return std::make_unique<Words>(); }

// In a thread of C++.
std::unique_ptr<std::vector<double>> roots(rust::Slice<const double> values) {
    auto result = std::make_unique<std::vector<double>>();
    std::thread worker([&] {
        for (double value : values)
            result->push_back(std::sqrt(value));
    });
    worker.join();
    return result;
}
