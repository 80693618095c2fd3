//! The C++ programs of one link mode, built with the C++ driver alone.

use std::path::Path;

use anyhow::Result;
use bringup_model::link::Link;
use bringup_runner::exec::Cmd;

use super::{CheckFailure, LIBC, Mode, SmokeProgram, listed};
use crate::smoke::Smoke;
use crate::smoke::elf::ElfKind;

/// The shared library of the C++ programs.
const LIBRARY: &str = "libcxx-shared.so";

impl Mode<'_> {
    /// Builds, runs and audits the programs. Each contains the C++ library, in every link mode.
    pub(super) fn cxx_programs(&mut self) -> Result<()> {
        let folder = self.smoke.sources.join("cxx");
        for program in listed(&folder)? {
            let source = folder.join(&program.name).with_extension("cpp");
            self.cxx_program(&program, &[self.link.driver_flag()], &[&source])?;
            self.audit(&program.name, &self.folder.join(&program.name), ElfKind::Program, self.needed())?;
        }
        if self.link == Link::Dynamic { self.cxx_library(&folder.join("dynamic")) } else { Ok(()) }
    }

    /// Checks a shared library, and two programs from one source: one is linked with it, the other loads it.
    fn cxx_library(&mut self, folder: &Path) -> Result<()> {
        let programs = listed(folder)?;
        if programs.is_empty() {
            return Ok(());
        }
        let library = self.folder.join(LIBRARY);
        let problem =
            self.cxx(&library, &["-shared", &format!("-Wl,-soname,{LIBRARY}")], &[&folder.join("cxx-shared-lib.cpp")])?;
        self.add(LIBRARY, problem);
        self.audit(LIBRARY, &library, ElfKind::Library, self.needed())?;
        for program in programs {
            let source = folder.join(&program.name).with_extension("cpp");
            let loaded = SmokeProgram { name: format!("{}-loaded", program.name), expected: program.expected.clone() };
            let mode = self.link.driver_flag();
            self.cxx_program(&program, &[mode], &[&source, &library])?;
            self.cxx_program(&loaded, &[mode, "-DLOADED"], &[&source])?;
            let needed = [vec![LIBRARY.into()], self.needed()].concat();
            self.audit(&program.name, &self.folder.join(&program.name), ElfKind::Program, needed)?;
            self.audit(&loaded.name, &self.folder.join(&loaded.name), ElfKind::Program, vec![LIBC.into()])?;
        }
        Ok(())
    }

    fn cxx_program(&mut self, program: &SmokeProgram, flags: &[&str], inputs: &[&Path]) -> Result<()> {
        let file = self.folder.join(&program.name);
        if let Some(problem) = self.cxx(&file, flags, inputs)? {
            self.add(&program.name, Some(problem));
        } else {
            let folder = self.folder.clone();
            self.check_program(program, &file, &[folder])?;
        }
        Ok(())
    }

    /// Runs the C++ driver. Atomics of 16 bytes require libatomic on most architectures.
    fn cxx(&mut self, file: &Path, flags: &[&str], inputs: &[&Path]) -> Result<CheckFailure> {
        let Smoke { toolchain, target, .. } = self.smoke;
        let cmd = Cmd::new(toolchain.join("bin").join(target.cxx_driver()))
            .args(["-std=c++20", "-O2", "-fPIC", "-Wall", "-Wextra", "-Werror", "-Wl,-z,now", "-pthread"])
            .args(flags)
            .arg("-o")
            .arg(file)
            .args(inputs)
            .arg("-latomic")
            .dir(&self.folder);
        self.tool(&cmd)
    }
}
