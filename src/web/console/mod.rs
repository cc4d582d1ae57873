//! What do operators see in a browser? The console: static files of ours below `src/console/`, which read the bridge's own
//! API; and the entrance to it.
//!
//! The files hold nothing of this installation, so they are given to everybody; what they show is asked for with a session.

mod entrance;
mod sessions;

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, ServiceConfig},
};

pub use entrance::{Console, visitor};

use super::internal::taking;

/// Nothing inline, nothing evaluated, nothing from elsewhere; texts never become markup, not even by mistake.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// A file of the console.
type File = (&'static str, &'static str, &'static str);

macro_rules! script {
    ($name:literal) => {
        (
            concat!("/console/", $name),
            SCRIPT,
            include_str!(concat!("../../console/", $name)),
        )
    };
}

const FILES: &[File] = &[
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("../../console/index.html"),
    ),
    ("/console/console.css", STYLE, include_str!("../../console/console.css")),
    (
        "/console/icon.svg",
        "image/svg+xml",
        include_str!("../../console/icon.svg"),
    ),
    script!("app.js"),
    script!("api.js"),
    script!("dom.js"),
    script!("say.js"),
    script!("ui.js"),
    script!("words/en.js"),
    script!("words/zh.js"),
    script!("views/account.js"),
    script!("views/accounts.js"),
    script!("views/aside.js"),
    script!("views/audit.js"),
    script!("views/passthrough.js"),
    script!("views/tokens.js"),
    script!("views/bind.js"),
    script!("views/fields.js"),
    script!("views/settings.js"),
    script!("views/cores.js"),
    script!("views/doctor.js"),
    script!("views/findings.js"),
    script!("views/forwarders.js"),
    script!("views/item.js"),
    script!("views/login.js"),
    script!("views/message.js"),
    script!("views/messages.js"),
    script!("views/open.js"),
    script!("views/today.js"),
];

/// The files, and the entrance.
pub fn console(app: &mut ServiceConfig) {
    for (path, mime, text) in FILES {
        let give = move || async move { given(mime, text) };
        app.service(
            taking(path, "GET, HEAD")
                .route(web::get().to(give))
                .route(web::head().to(give)),
        );
    }
    app.service(
        taking("/console/session", "DELETE, GET, POST")
            .route(web::get().to(entrance::look))
            .route(web::post().to(entrance::log_in))
            .route(web::delete().to(entrance::log_out)),
    );
}

fn given(mime: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, mime))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header(("cross-origin-opener-policy", "same-origin"))
        .insert_header(("cross-origin-resource-policy", "same-origin"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(text)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::FILES;

    fn on_disk(folder: &Path, under: &str, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = format!("{under}/{}", entry.file_name().to_string_lossy());
            match entry.path().is_dir() {
                true => on_disk(&entry.path(), &name, found),
                false => drop(found.insert(name)),
            }
        }
    }

    #[test]
    fn every_file_is_served_and_every_import_leads_to_one() {
        let mut there = BTreeSet::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console");
        on_disk(&folder, "/console", &mut there);
        assert!(there.remove("/console/index.html") && there.insert("/".into()));
        let served: BTreeSet<String> = FILES.iter().map(|(path, ..)| (*path).to_owned()).collect();
        assert_eq!(there, served);
        let mut imports = 0;
        for (path, _, text) in FILES.iter().filter(|(path, ..)| path.ends_with(".js")) {
            for place in text
                .lines()
                .filter_map(|line| line.strip_prefix("import ")?.split('"').nth(1))
            {
                let base = url::Url::parse(&format!("http://console{path}")).expect("a path");
                let target = base.join(place).expect("a place");
                assert!(served.contains(target.path()), "{path} imports {place}");
                imports += 1;
            }
        }
        assert!(imports > 40, "{imports}");
    }

    #[test]
    fn no_script_makes_markup_of_texts() {
        for (path, _, text) in FILES {
            for forbidden in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "Function(",
                "srcdoc",
                "javascript:",
                "http://",
                "https://",
            ] {
                let text = text.replace("http://www.w3.org/2000/svg", "");
                assert!(!text.contains(forbidden), "{path} has {forbidden}");
            }
        }
    }
}
