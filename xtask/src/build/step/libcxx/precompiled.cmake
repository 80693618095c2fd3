# Included by LLVM's project Runtimes. Two thirds of the time to compile libc++ would be spent on reading its own headers.
# The objects are the same bytes without this.
cmake_language(DEFER CALL precompile_headers)

function(precompile_headers)
    target_precompile_headers(cxx_static PRIVATE
        <algorithm> <charconv> <chrono> <condition_variable> <filesystem> <format> <fstream> <future> <iomanip> <iostream>
        <locale> <map> <memory> <mutex> <new> <optional> <print> <random> <regex> <shared_mutex> <sstream> <stdexcept>
        <string> <string_view> <system_error> <thread> <variant> <vector>)
    # These say how the headers are to be read, or declare what the headers declare.
    get_target_property(folder cxx_static SOURCE_DIR)
    foreach(name condition_variable_destructor error_category exception iostream memory mutex_destructor)
        set_source_files_properties(${folder}/${name}.cpp TARGET_DIRECTORY cxx_static
            PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    endforeach()
endfunction()
