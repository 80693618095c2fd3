#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rust/cxx.h"

class Words {
public:
    void add(rust::Str word);
    std::uint64_t count(rust::Str word) const;
    std::unique_ptr<std::string> sorted() const;

private:
    std::map<std::string, std::uint64_t> counts;
};

std::unique_ptr<Words> make_words();
std::unique_ptr<std::vector<double>> roots(rust::Slice<const double> values);
