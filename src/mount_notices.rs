//! What is odd about the configs of mounts, in the log and in readiness, once for each change.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::core::mount::{Mount, MountConfig, Notice, Snapshot};
use crate::health::Health;

/// The notices of all mounts. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct MountNotices {
    health: Health,
    /// By mount; as many as there are mounts.
    known: Arc<Mutex<HashMap<Box<str>, Known>>>,
}

/// What was said of a mount.
#[derive(Debug)]
struct Known {
    /// The generation that was looked at; none where it was not known.
    generation: Option<u64>,
    notices: Vec<Notice>,
}

impl MountNotices {
    /// Notices whose faults this readiness shows.
    pub fn new(health: Health) -> Self {
        Self { health, known: Arc::default() }
    }

    /// Notes what is odd about a config before it is written, so that whoever sees it published does not say it again. Then
    /// [`Written::log`] says it, or [`MountNotices::restore`] takes it back.
    pub fn note(&self, mount: &str, config: &MountConfig) -> Written {
        let notices = config.notices();
        self.keep(&mut self.lock(), mount, Known { generation: None, notices: notices.clone() });
        Written { mount: mount.into(), notices }
    }

    /// Notes that a mount is as it was.
    pub fn restore(&self, mount: &Mount) {
        let notices = notices_of(mount);
        self.keep(&mut self.lock(), &mount.path, Known { generation: Some(mount.generation), notices });
    }

    /// Says what is odd about configs that are new in a set of mounts, and takes back what was said of mounts that are gone.
    pub fn loaded(&self, set: &Snapshot) {
        let mut known = self.lock();
        let gone: Vec<Box<str>> = known.keys().filter(|path| set.mount(path).is_none()).cloned().collect();
        for path in gone {
            self.health.recovered(&subject(&path));
            known.remove(&path);
        }
        for mount in set.mounts.values() {
            let before = known.get(&*mount.path);
            if before.is_some_and(|before| before.generation == Some(mount.generation)) {
                continue;
            }
            let notices = notices_of(mount);
            if before.is_none_or(|before| before.notices != notices) {
                for notice in &notices {
                    tracing::warn!(mount = &*mount.path, cause = notice.sentence, "{}", message(notice));
                }
            }
            self.keep(&mut known, &mount.path, Known { generation: Some(mount.generation), notices });
        }
    }

    fn keep(&self, known: &mut HashMap<Box<str>, Known>, mount: &str, now: Known) {
        let faults: Vec<&str> = now
            .notices
            .iter()
            .filter(|notice| notice.is_fault)
            .map(|notice| notice.sentence.as_str())
            .collect();
        if faults.is_empty() {
            self.health.recovered(&subject(mount));
        } else {
            self.health.trouble(&subject(mount), &faults.join("; "));
        }
        known.insert(mount.into(), now);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is odd about a config that is being written.
#[derive(Debug)]
#[must_use]
pub struct Written {
    mount: Box<str>,
    notices: Vec<Notice>,
}

impl Written {
    /// Says it: the request with this id has written the config.
    pub fn log(&self, request_id: &str) {
        for notice in &self.notices {
            tracing::warn!(mount = &*self.mount, request_id, cause = notice.sentence, "{}", message(notice));
        }
    }
}

fn notices_of(mount: &Mount) -> Vec<Notice> {
    mount.config.as_ref().map(|config| config.notices()).unwrap_or_default()
}

fn subject(mount: &str) -> String {
    format!("mount {mount} config")
}

const fn message(notice: &Notice) -> &'static str {
    if notice.is_fault { "the mount's config cannot work" } else { "a part of the mount's config is ignored" }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::MountNotices;
    use crate::core::mount::decode::decode;
    use crate::core::mount::{Mount, MountAbout, MountConfig, Snapshot};
    use crate::health::Health;

    fn config(host: &str) -> MountConfig {
        decode(json!({ "kubernetes_host": host }).as_object().unwrap()).unwrap()
    }

    fn set(mounts: &[(&str, u64, &str)]) -> Snapshot {
        let mounts = mounts.iter().map(|(path, generation, host)| {
            let mount = Mount::new(path, *generation, MountAbout::of_path(path));
            ((*path).into(), Arc::new(Mount { config: Some(Arc::new(config(host))), ..mount }))
        });
        Snapshot { mounts: mounts.collect(), ..Snapshot::default() }
    }

    #[test]
    fn readiness_shows_faults_of_written_and_loaded_configs_until_they_are_gone() {
        let health = Health::default();
        let notices = MountNotices::new(health.clone());
        let shown = || health.troubles().into_keys().collect::<Vec<_>>();
        notices.note("a", &config("kube:6443")).log("request-1");
        assert_eq!(shown(), ["mount a config"]);
        notices.loaded(&set(&[
            ("a", 1, "kube:6443"),
            ("b", 2, "https://::1:6443"),
            ("c", 3, "https://kube"),
        ]));
        assert_eq!(shown(), ["mount a config", "mount b config"]);
        assert!(health.troubles()["mount b config"].contains("`kubernetes_host`"));
        notices.loaded(&set(&[("a", 4, "https://kube"), ("b", 2, "https://::1:6443")]));
        assert_eq!(shown(), ["mount b config"]);
        notices.loaded(&set(&[("a", 4, "https://kube")]));
        assert_eq!(shown(), [""; 0]);
    }

    #[test]
    fn a_write_that_the_store_does_not_take_leaves_nothing_behind() {
        let health = Health::default();
        let notices = MountNotices::new(health.clone());
        let stored = set(&[("a", 1, "https://kube")]);
        notices.loaded(&stored);
        drop(notices.note("a", &config("kube")));
        assert_eq!(health.troubles().len(), 1);
        notices.restore(stored.mount("a").unwrap());
        assert!(health.troubles().is_empty());
    }
}
