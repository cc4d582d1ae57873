//! Where does an operator find things in the platform's console?

/// A place, in English and in Chinese.
pub type Place = (&'static str, &'static str);

/// The places that findings send an operator to.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// AppID, secrets.
    pub credentials: Place,
    /// The callback's address, token and key.
    pub callback: Place,
    /// Our address must stand there.
    pub allow_list: Place,
    /// What the account may do by the API.
    pub permissions: Place,
    /// Who else was given the account.
    pub grants: Place,
    /// The platform's own agents.
    pub agents: Place,
}

impl Default for Places {
    fn default() -> Self {
        let console = ("the platform's console", "平台管理后台");
        Self {
            credentials: console,
            callback: console,
            allow_list: console,
            permissions: console,
            grants: console,
            agents: console,
        }
    }
}
