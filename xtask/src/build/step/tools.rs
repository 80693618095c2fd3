//! Programs and files of a toolchain for builds that are not cargo's own: LLVM's tools under the target's name,
//! pkg-config, and CMake's toolchain file.

use bringup_model::target::Target;

/// LLVM's tools: the name after the triple, and the program.
pub const LLVM_TOOLS: [(&str, &str); 11] = [
    ("addr2line", "llvm-addr2line"),
    ("ar", "llvm-ar"),
    ("c++filt", "llvm-cxxfilt"),
    ("nm", "llvm-nm"),
    ("objcopy", "llvm-objcopy"),
    ("objdump", "llvm-objdump"),
    ("ranlib", "llvm-ranlib"),
    ("readelf", "llvm-readelf"),
    ("size", "llvm-size"),
    ("strings", "llvm-strings"),
    ("strip", "llvm-strip"),
];

/// Other names of the drivers. A configure script that finds none of them takes the host's compiler.
pub const DRIVER_NAMES: [(&str, &str); 4] = [("cc", "clang"), ("gcc", "clang"), ("c++", "clang++"), ("g++", "clang++")];

/// Variables that name a program, and the program's name after the triple.
pub const VARIABLES: [(&str, &str); 9] = [
    ("CC", "clang"),
    ("CXX", "clang++"),
    ("AR", "ar"),
    ("NM", "nm"),
    ("OBJCOPY", "objcopy"),
    ("RANLIB", "ranlib"),
    ("READELF", "readelf"),
    ("STRIP", "strip"),
    ("PKG_CONFIG", "pkg-config"),
];

/// The name of pkg-config after the triple.
pub const PKG_CONFIG: &str = "pkg-config";

/// The path of CMake's toolchain file in the toolchain's folder.
pub fn cmake_file(target: &Target) -> String {
    format!("share/cmake/{}.cmake", target.triple)
}

/// The folders where pkg-config looks, as its variables list them.
pub fn pkg_config_folders(sysroot: &str) -> String {
    ["lib", "share"].map(|folder| format!("{sysroot}/usr/{folder}/pkgconfig")).join(":")
}

/// The script of one of LLVM's tools. `program` is a word of the shell; `None` if the host lacks the tool.
pub fn llvm_tool(name: &str, program: Option<&str>) -> String {
    match program {
        Some(program) => format!("#!/bin/sh\nexec {program} \"$@\"\n"),
        None => format!(
            "#!/bin/sh\n\
             echo \"${{0##*/}}: the host had no {name} when this toolchain was built\" >&2\n\
             echo \"hint: install {name} beside llvm-ar, then build the toolchain again\" >&2\n\
             exit 127\n"
        ),
    }
}

/// The script of pkg-config. `here` are lines that set `$here`; `sysroot` is a path that may refer to it. The plain
/// variables are the host's; those with the triple are the target's.
pub fn pkg_config(target: &Target, here: &str, sysroot: &str) -> String {
    let (triple, variable) = (&target.triple, target.variable());
    let folders = pkg_config_folders(sysroot);
    format!(
        r#"#!/bin/sh
# pkg-config for {triple}: knows the libraries of the sysroot, and those that PKG_CONFIG_PATH_{variable} names.
{here}PKG_CONFIG_PATH=${{PKG_CONFIG_PATH_{variable}-}}
PKG_CONFIG_LIBDIR=${{PKG_CONFIG_LIBDIR_{variable}-{folders}}}
PKG_CONFIG_SYSROOT_DIR=${{PKG_CONFIG_SYSROOT_DIR_{variable}-{sysroot}}}
export PKG_CONFIG_PATH PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR
program=$(command -v pkg-config || command -v pkgconf)
if [ "$program" ]; then
    "$program" "$@" && exit
    status=$?
elif [ "$PKG_CONFIG_PATH" ]; then
    echo "${{0##*/}}: the search path has no pkg-config and no pkgconf" >&2
    exit 127
else
    status=1
fi
# A quiet query prints no message.
libraries=
for arg do
    case $arg in
    --exists | --atleast-version=*) exit $status ;;
    -* | *[\ \<\>=]* | [0-9]*) ;;
    *) libraries="$libraries $arg" ;;
    esac
done
for library in $libraries; do
    if [ -z "$program" ] || ! "$program" --exists "$library" 2>/dev/null; then
        echo "${{0##*/}}: the sysroot of {triple} has no library \`$library\`, and the host's do not count" >&2
        echo "hint: use the crate's feature that builds it from source (often \`vendored\` or \`bundled\`), or set" \
            "PKG_CONFIG_PATH_{variable} to the folder of a .pc file that was made for the target" >&2
    fi
done
exit $status
"#
    )
}

/// CMake's toolchain file. `sysroot` is relative to the toolchain's folder.
pub fn cmake(target: &Target, sysroot: &str) -> String {
    let triple = &target.triple;
    let tools = ["ar", "nm", "objcopy", "objdump", "ranlib", "readelf", "strip"];
    let tools = tools.map(|tool| format!("set(CMAKE_{} \"${{_bin}}/{triple}-{tool}\")\n", tool.to_uppercase()));
    format!(
        r#"# CMake's settings for {triple}.
get_filename_component(_here "${{CMAKE_CURRENT_LIST_DIR}}/../.." ABSOLUTE)
set(_bin "${{_here}}/bin")
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR {machine})
set(CMAKE_C_COMPILER "${{_bin}}/{triple}-clang")
set(CMAKE_CXX_COMPILER "${{_bin}}/{triple}-clang++")
set(CMAKE_ASM_COMPILER "${{_bin}}/{triple}-clang")
{tools}set(PKG_CONFIG_EXECUTABLE "${{_bin}}/{triple}-pkg-config")
# Libraries, headers and packages come from the sysroot, and from the prefixes that this build names.
set(CMAKE_FIND_ROOT_PATH "${{_here}}/{sysroot}" ${{CMAKE_PREFIX_PATH}})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
"#,
        machine = target.linux.machine,
        tools = tools.concat(),
    )
}
