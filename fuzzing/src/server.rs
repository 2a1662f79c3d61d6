//! An honest server in memory: just enough for people to register, find each other and talk. It checks nothing of what its own
//! clients give it but the order of a log.

use std::collections::BTreeMap;
use std::sync::Arc;

use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::identity::SignedIdentity;
use secure_chat_shared::crypto::opaque::ServerSetup;
use secure_chat_shared::ids::{ConversationId, Epoch, SessionId, Timestamp, UserId, UserName};
use secure_chat_shared::log::tree::{Frontier, wrap_proofs};
use secure_chat_shared::log::{Entry, LogState};
use secure_chat_shared::protocol::*;

/// What a server knows. A clone goes its own way.
#[derive(Clone)]
pub struct Server {
    setup: Arc<ServerSetup>,
    accounts: BTreeMap<UserName, Account>,
    logs: BTreeMap<ConversationId, Log>,
    /// The time; it only grows.
    clock: u64,
}

#[derive(Clone)]
struct Account {
    user: UserId,
    identities: Vec<Bytes>,
    state: SealedState,
}

#[derive(Clone)]
struct Log {
    entries: Vec<EntryAt>,
    state: LogState,
    tree: Frontier,
    /// By epoch and reader.
    wraps: BTreeMap<(Epoch, UserId), WrapFor>,
    /// The size that each person's newest inviter had seen.
    anchors: BTreeMap<UserId, u64>,
}

type Answer = Result<Vec<u8>, RequestError>;

fn refuse(code: ErrorCode) -> RequestError {
    RequestError::new(code, "not here")
}

fn ok<T: minicbor::Encode<()>>(reply: T) -> Answer {
    Ok(codec::encode(&reply))
}

impl Server {
    /// One that knows nobody.
    pub fn new() -> Self {
        Self {
            setup: Arc::new(ServerSetup::make()),
            accounts: BTreeMap::new(),
            logs: BTreeMap::new(),
            clock: 1_700_000_000_000,
        }
    }

    /// Every entry of a log.
    pub fn entries(&self, conversation: &ConversationId) -> &[EntryAt] {
        let log = self.logs.get(conversation);
        log.map_or(&[], |log| &log.entries)
    }

    /// What `asker` gets; nobody is asked for a token.
    pub fn answer(&mut self, asker: &UserName, op: u16, body: &[u8]) -> Answer {
        let Some(Ok(request)) = AnyRequest::decode(op, body) else {
            return Err(refuse(ErrorCode::Malformed));
        };
        self.clock += 1000;
        match request {
            AnyRequest::RegisterStart(start) => {
                let response = self.setup.register_start(&start.name, &start.request);
                let response = Bytes(response.map_err(|_| refuse(ErrorCode::Malformed))?);
                ok(RegisterStarted { response })
            }
            AnyRequest::RegisterFinish(finish) => self.register(finish),
            AnyRequest::Resume(_) => {
                let account = self.account(asker)?;
                ok(Resumed {
                    user: account.user,
                    session: SessionId([1; 16]),
                    state_generation: account.state.generation,
                    identity_version: 1,
                    failed: None,
                    secrets: 0,
                })
            }
            AnyRequest::PutState(put) => {
                let account = self.accounts.get_mut(asker);
                let account = account.ok_or_else(|| refuse(ErrorCode::NotSignedIn))?;
                let generation = put.expected + 1;
                account.state = SealedState {
                    generation,
                    sealed: put.sealed,
                };
                ok(StateGeneration { generation })
            }
            AnyRequest::GetState(_) => ok(self.account(asker)?.state.clone()),
            AnyRequest::LookupNames(lookup) => {
                let people = lookup
                    .names
                    .iter()
                    .filter_map(|name| self.accounts.get(name));
                ok(FoundMany {
                    people: people.map(found).collect(),
                })
            }
            AnyRequest::LookupUsers(lookup) => {
                let people = self.accounts.values();
                let people = people.filter(|account| lookup.users.contains(&account.user));
                ok(FoundMany {
                    people: people.map(found).collect(),
                })
            }
            AnyRequest::GetPresence(_) => ok(PresenceList { people: vec![] }),
            AnyRequest::CreateConversation(create) => self.create(create),
            AnyRequest::Append(append) => self.append(append),
            AnyRequest::ListConversations(_) => {
                let user = self.account(asker)?.user;
                let reads = |log: &&Log| log.state.people.contains_key(&user);
                let heads = self
                    .logs
                    .values()
                    .filter(reads)
                    .map(|log| ConversationHead {
                        id: log.state.conversation,
                        view: log.tree.view(),
                    });
                ok(Conversations {
                    conversations: heads.collect(),
                })
            }
            AnyRequest::GetAnchor(get) => {
                let user = self.account(asker)?.user;
                let log = self.log(&get.conversation)?;
                let own = log.anchors.get(&user).copied().unwrap_or_default();
                let size = get.size.unwrap_or(own);
                if size > log.tree.size() {
                    return Err(refuse(ErrorCode::NotFound));
                }
                ok(log.anchor(get.after, size))
            }
            AnyRequest::GetEntries(get) => {
                let entries = &self.log(&get.conversation)?.entries;
                let from = usize::try_from(get.from).unwrap_or(usize::MAX);
                let page = entries
                    .iter()
                    .skip(from)
                    .take(usize::try_from(get.limit).unwrap_or(0));
                ok(Entries {
                    entries: page.cloned().collect(),
                    size: u64::try_from(entries.len()).expect("few"),
                })
            }
            AnyRequest::GetWrap(get) => {
                let user = self.account(asker)?.user;
                let wrap = self.log(&get.conversation)?.wraps.get(&(get.epoch, user));
                ok(wrap.cloned().ok_or_else(|| refuse(ErrorCode::NotFound))?)
            }
            _ => Err(refuse(ErrorCode::UnknownOperation)),
        }
    }

    fn account(&self, name: &UserName) -> Result<&Account, RequestError> {
        let account = self.accounts.get(name);
        account.ok_or_else(|| refuse(ErrorCode::NotSignedIn))
    }

    fn log(&self, id: &ConversationId) -> Result<&Log, RequestError> {
        self.logs.get(id).ok_or_else(|| refuse(ErrorCode::NotFound))
    }

    fn register(&mut self, finish: RegisterFinish) -> Answer {
        let signed = SignedIdentity::parse(&finish.account.identity);
        let signed = signed.map_err(|_| refuse(ErrorCode::InvalidIdentity))?;
        let user = signed.identity().user;
        let account = Account {
            user,
            identities: vec![finish.account.identity],
            state: SealedState {
                generation: 1,
                sealed: finish.account.state,
            },
        };
        self.accounts
            .insert(signed.identity().name.clone(), account);
        ok(SignedIn {
            token: Bytes(vec![1; 32]),
            session: SessionId([1; 16]),
            user,
        })
    }

    fn create(&mut self, request: CreateConversation) -> Answer {
        let malformed = || refuse(ErrorCode::InvalidEntry);
        let entry = Entry::parse(&request.create).map_err(|_| malformed())?;
        let judged = LogState::begin(&entry).map_err(RequestError::from)?;
        let state = judged.into_first_state().ok_or_else(malformed)?;
        let mut tree = Frontier::default();
        tree.append(entry.hash());
        let id = state.conversation;
        let mut log = Log {
            entries: vec![at(0, self.clock, request.create)],
            state,
            tree,
            wraps: BTreeMap::new(),
            anchors: BTreeMap::new(),
        };
        log.append(request.invite, &request.wraps, self.clock)?;
        self.logs.insert(id, log);
        ok(Appended {
            number: 1,
            time: Timestamp(self.clock),
        })
    }

    fn append(&mut self, request: Append) -> Answer {
        let log = self.logs.get_mut(&request.conversation);
        let log = log.ok_or_else(|| refuse(ErrorCode::NotFound))?;
        let number = log.append(request.entry, &request.wraps, self.clock)?;
        ok(Appended {
            number,
            time: Timestamp(self.clock),
        })
    }
}

impl Log {
    fn anchor(&self, after: Option<u64>, size: u64) -> Anchor {
        let below = self.entries.iter().filter(|at| at.number < size);
        let mut tree = Frontier::default();
        for at in below.clone() {
            tree.append(at.entry.leaf());
        }
        let is_new = |at: &&EntryAt| after.is_none_or(|after| at.number > after);
        let state = below.filter(|at| changes_state(at)).filter(is_new);
        Anchor {
            state: state.cloned().collect(),
            size,
            peaks: tree.peaks().to_vec(),
            more: false,
        }
    }

    fn append(&mut self, bytes: Bytes, wraps: &[Bytes], time: u64) -> Result<u64, RequestError> {
        let entry = Entry::parse(&bytes).map_err(|_| refuse(ErrorCode::InvalidEntry))?;
        let number = self.tree.size();
        let judged = self
            .state
            .judge(&entry, number)
            .map_err(RequestError::from)?;
        let change = self.state.apply(judged);
        for user in change.joined {
            self.anchors.insert(user, entry.view().size);
        }
        if let Some(epoch) = change.announced.and_then(|_| self.state.epoch()) {
            let readers = self.state.people.keys().zip(wraps).zip(wrap_proofs(wraps));
            for (index, ((user, wrap), proof)) in (0..).zip(readers) {
                let wrap = WrapFor {
                    wrap: wrap.clone(),
                    index,
                    proof: proof.into(),
                };
                self.wraps.insert((epoch.epoch, *user), wrap);
            }
        }
        self.tree.append(entry.hash());
        self.entries.push(at(number, time, bytes));
        Ok(number)
    }
}

fn changes_state(at: &EntryAt) -> bool {
    match &at.entry {
        Stored::Whole(bytes) => !matches!(Entry::parse(bytes), Ok(Entry::Message(_))),
        Stored::Purged(_) => false,
    }
}

fn at(number: u64, time: u64, bytes: Bytes) -> EntryAt {
    EntryAt {
        number,
        time: Timestamp(time),
        entry: Stored::Whole(bytes),
    }
}

fn found(account: &Account) -> Found {
    Found {
        user: account.user,
        identities: account.identities.clone(),
        presence: None,
        compromised: vec![],
    }
}
