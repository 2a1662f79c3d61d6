//! The one writer: takes whatever is queued, runs it in one transaction, commits, then answers everybody.
//!
//! Waiting for the disk costs as much for one job as for two hundred, so they wait together. Each job has a savepoint
//! of its own: one that is refused takes nothing else with it. What only adds a row, as messages do, is added together
//! with its neighbours in one statement.

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use lru::LruCache;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use secure_chat_shared::ids::{ConversationId, EntryHash, Root};
use secure_chat_shared::log::LogState;
use secure_chat_shared::log::tree::Frontier;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::entities::entry;
use super::{Failure, Stage, Work, writer_gone};

/// Jobs committed together at most.
const MAX_BATCH: usize = 256;
/// Rows of one statement at most: SQLite takes 32,766 values, and larger statements gain nothing.
const ROWS_TOGETHER: usize = 64;
/// Jobs that may wait; whoever comes then waits to be let in.
const QUEUE: usize = 1024;
/// Conversations whose newest state is kept in memory.
const KEPT_HEADS: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN.saturating_add(511);

/// Newest roots of a log that are kept in memory: authors seldom have seen less.
const KEPT_ROOTS: usize = 256;

/// The newest state of one conversation.
#[derive(Debug, Clone)]
pub struct Head {
    /// The tree over its entries.
    frontier: Frontier,
    /// The judged log.
    pub state: Arc<LogState>,
    /// The tree's roots at its newest sizes, the newest of them last.
    roots: VecDeque<Root>,
}

impl Head {
    /// A log as it is on disk.
    pub fn new(frontier: Frontier, state: Arc<LogState>) -> Self {
        let roots = [frontier.root()].into();
        Self {
            frontier,
            state,
            roots,
        }
    }

    /// The tree over its entries.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Puts an entry into the tree, and returns what [`Frontier::append`] does.
    pub fn append(&mut self, leaf: EntryHash) -> Vec<Root> {
        let nodes = self.frontier.append(leaf);
        if self.roots.len() == KEPT_ROOTS {
            self.roots.pop_front();
        }
        self.roots.push_back(self.frontier.root());
        nodes
    }

    /// The tree's root.
    pub fn newest_root(&self) -> Root {
        let newest = self.roots.back().copied();
        newest.unwrap_or_else(|| self.frontier.root())
    }

    /// The tree's root at a size, if it is in memory.
    pub fn root(&self, size: u64) -> Option<Root> {
        let back = usize::try_from(self.frontier.size().checked_sub(size)?).ok()?;
        let index = (self.roots.len() - 1).checked_sub(back)?;
        self.roots.get(index).copied()
    }
}

/// Committed heads, least recently used go first.
///
/// The lock is held for single look-ups only, never across an await.
#[derive(Clone)]
pub struct Heads(Arc<Mutex<LruCache<ConversationId, Head>>>);

impl Default for Heads {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(KEPT_HEADS))))
    }
}

impl Heads {
    /// The committed head, if it is in memory.
    pub fn find(&self, id: &ConversationId) -> Option<Head> {
        locked(&self.0).get(id).cloned()
    }
}

/// What a job sees: its savepoint, and the heads as the jobs before it left them.
pub struct Tx<'a> {
    connection: &'a DatabaseTransaction,
    committed: &'a Heads,
    batch: &'a HashMap<ConversationId, Head>,
    staged: Mutex<HashMap<ConversationId, Head>>,
}

impl<'a> Tx<'a> {
    fn new(
        connection: &'a DatabaseTransaction,
        committed: &'a Heads,
        batch: &'a HashMap<ConversationId, Head>,
    ) -> Self {
        Self {
            connection,
            committed,
            batch,
            staged: Mutex::default(),
        }
    }

    /// Where statements run.
    pub fn connection(&self) -> &DatabaseTransaction {
        self.connection
    }

    /// The conversation's head, if it is in memory.
    pub fn head(&self, id: &ConversationId) -> Option<Head> {
        if let Some(head) = locked(&self.staged).get(id) {
            return Some(head.clone());
        }
        self.batch
            .get(id)
            .cloned()
            .or_else(|| self.committed.find(id))
    }

    /// Remembers the head that this job makes; others see it once the job has succeeded.
    pub fn set_head(&self, id: ConversationId, head: Head) {
        locked(&self.staged).insert(id, head);
    }

    fn into_staged(self) -> HashMap<ConversationId, Head> {
        self.staged
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job, its types erased.
pub(super) type Job = Box<dyn Run>;

/// What the writer does with a job: it stages it or runs it, or both, and then answers.
pub(super) trait Run: Send {
    /// The one row that is all the job writes, where that shows without a look into the database: the job has then
    /// succeeded, unless the row turns out to be there.
    fn stage(&mut self, tx: &Tx<'_>) -> Option<entry::ActiveModel>;

    /// Runs it in a savepoint of its own. Whether that is kept.
    fn run<'a>(&'a mut self, tx: &'a Tx<'a>) -> BoxFuture<'a, bool>;

    /// Answers, once the commit's fate is known.
    fn answer(self: Box<Self>, committed: Result<(), DbErr>);
}

/// `work`, perhaps after a try to do with one row, then `after`; the answer goes to the sender.
struct Packed<T, S, W, A> {
    stage: Option<S>,
    work: Option<W>,
    after: A,
    result: Option<Result<T, Failure>>,
    sender: oneshot::Sender<Result<T, Failure>>,
}

/// A packed job, and where its answer arrives.
pub(super) type Packing<T> = (Job, oneshot::Receiver<Result<T, Failure>>);

/// Packs a job that is run.
pub(super) fn pack<T, W, A>(work: W, after: A) -> Packing<T>
where
    T: Send + 'static,
    W: Work<T>,
    A: FnOnce(&T) + Send + 'static,
{
    let unstaged = None::<fn(&Tx<'_>) -> Option<(entry::ActiveModel, T)>>;
    pack_any(unstaged, work, after)
}

/// Packs a job that may be staged.
pub(super) fn pack_row<T, S, W, A>(stage: S, work: W, after: A) -> Packing<T>
where
    T: Send + 'static,
    S: Stage<T>,
    W: Work<T>,
    A: FnOnce(&T) + Send + 'static,
{
    pack_any(Some(stage), work, after)
}

fn pack_any<T, S, W, A>(stage: Option<S>, work: W, after: A) -> Packing<T>
where
    T: Send + 'static,
    S: Stage<T>,
    W: Work<T>,
    A: FnOnce(&T) + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let job = Box::new(Packed {
        stage,
        work: Some(work),
        after,
        result: None,
        sender,
    });
    (job, receiver)
}

impl<T, S, W, A> Run for Packed<T, S, W, A>
where
    T: Send + 'static,
    S: Stage<T>,
    W: Work<T>,
    A: FnOnce(&T) + Send + 'static,
{
    fn stage(&mut self, tx: &Tx<'_>) -> Option<entry::ActiveModel> {
        let stage = self.stage.take()?;
        // Whatever made it panic shows again when the job is run.
        let staged = std::panic::catch_unwind(AssertUnwindSafe(|| stage(tx)));
        let (row, value) = staged.ok().flatten()?;
        self.result = Some(Ok(value));
        Some(row)
    }

    fn run<'a>(&'a mut self, tx: &'a Tx<'a>) -> BoxFuture<'a, bool> {
        Box::pin(async {
            let result = match self.work.take() {
                Some(work) => AssertUnwindSafe(work(tx))
                    .catch_unwind()
                    .await
                    .unwrap_or_else(|_| Err(DbErr::Custom("a job panicked".into()).into())),
                None => Err(DbErr::Custom("a job ran twice".into()).into()),
            };
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), DbErr>) {
        let result = match (self.result, committed) {
            (Some(Ok(value)), Ok(())) => {
                (self.after)(&value);
                Ok(value)
            }
            (Some(Ok(_)) | None, Err(error)) => Err(error.into()),
            (Some(Err(error)), _) => Err(error),
            (None, Ok(())) => Err(DbErr::Custom("a job did not run".into()).into()),
        };
        // Whoever asked may be gone; what was done stays done.
        let _ = self.sender.send(result);
    }
}

/// Handle to the writer's task.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    stop: CancellationToken,
    task: Arc<Mutex<Option<tokio::task::JoinHandle<()>>>>,
}

impl Writer {
    /// Starts the task; it owns `connection`.
    pub(super) fn start(connection: DatabaseConnection, heads: Heads) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(connection, heads, queue, stop.clone()));
        Self {
            jobs,
            stop,
            task: Arc::new(Mutex::new(Some(task))),
        }
    }

    /// Queues a job, in the order of the calls.
    pub(super) async fn submit(&self, job: Job) -> Result<(), DbErr> {
        self.jobs.send(job).await.map_err(|_| writer_gone())
    }

    /// Takes no more jobs and waits until every queued one is done.
    pub(super) async fn finish(&self) {
        self.stop.cancel();
        let task = locked(&self.task).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the writer ended badly");
        }
    }
}

async fn run(
    connection: DatabaseConnection,
    heads: Heads,
    mut queue: mpsc::Receiver<Job>,
    stop: CancellationToken,
) {
    let mut jobs = Vec::new();
    loop {
        let count = tokio::select! {
            biased;
            () = stop.cancelled(), if !queue.is_closed() => {
                queue.close();
                continue;
            }
            count = queue.recv_many(&mut jobs, MAX_BATCH) => count,
        };
        if count == 0 {
            break;
        }
        let committed = batch(&connection, &heads, &mut jobs).await;
        if let Err(error) = &committed {
            tracing::error!(%error, count, "a batch was not committed");
        }
        for job in jobs.drain(..) {
            job.answer(committed.clone());
        }
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "closing the writer's connection");
    }
}

/// Runs the jobs in one transaction.
async fn batch(
    connection: &DatabaseConnection,
    heads: &Heads,
    jobs: &mut [Job],
) -> Result<(), DbErr> {
    // The write lock at once: the operator's commands write from another process, and a transaction that has read before
    // they did could not write any more.
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = connection.begin_with_options(options).await?;
    let mut changed = HashMap::new();
    let mut start = 0;
    while start < jobs.len() {
        let jobs = &mut jobs[start..];
        let tx = Tx::new(&transaction, heads, &changed);
        let rows: Vec<_> = jobs.iter_mut().map_while(|job| job.stage(&tx)).collect();
        let (together, staged) = (rows.len(), tx.into_staged());
        if together > 0 && insert_all(&transaction, rows).await? {
            changed.extend(staged);
            start += together;
            continue;
        }
        // Every one that was staged in vain, and the one that was not.
        let alone = (together + 1).min(jobs.len());
        for job in &mut jobs[..alone] {
            run_alone(&transaction, heads, &mut changed, job).await?;
        }
        start += alone;
    }
    transaction.commit().await?;
    let mut kept = locked(&heads.0);
    for (id, head) in changed {
        kept.put(id, head);
    }
    Ok(())
}

/// Inserts rows of jobs that need nothing else. Whether it could: otherwise nothing was inserted, and each job has to say
/// what it was that failed; most likely a row was there already.
async fn insert_all(
    transaction: &DatabaseTransaction,
    mut rows: Vec<entry::ActiveModel>,
) -> Result<bool, DbErr> {
    let is_sqlite = transaction.get_database_backend() == DbBackend::Sqlite;
    if is_sqlite && rows.len() <= ROWS_TOGETHER {
        // A statement that fails there has done nothing, and ends nothing.
        return Ok(insert_some(transaction, rows).await);
    }
    let savepoint = transaction.begin().await?;
    while !rows.is_empty() {
        let rest = rows.split_off(ROWS_TOGETHER.min(rows.len()));
        if !insert_some(&savepoint, rows).await {
            savepoint.rollback().await?;
            return Ok(false);
        }
        rows = rest;
    }
    savepoint.commit().await?;
    Ok(true)
}

/// Inserts rows by one statement. Whether it could.
async fn insert_some(connection: &DatabaseTransaction, rows: Vec<entry::ActiveModel>) -> bool {
    let inserted = entry::Entity::insert_many(rows)
        .exec_without_returning(connection)
        .await;
    inserted
        .inspect_err(|error| tracing::debug!(%error, "entries are inserted one by one"))
        .is_ok()
}

async fn run_alone(
    transaction: &DatabaseTransaction,
    heads: &Heads,
    changed: &mut HashMap<ConversationId, Head>,
    job: &mut Job,
) -> Result<(), DbErr> {
    let savepoint = transaction.begin().await?;
    let tx = Tx::new(&savepoint, heads, changed);
    let keep = job.run(&tx).await;
    let staged = tx.into_staged();
    if keep {
        savepoint.commit().await?;
        changed.extend(staged);
    } else {
        savepoint.rollback().await?;
    }
    Ok(())
}

/// A lock that a panic elsewhere left behind is still good: every critical section here is one look-up or insertion.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use sea_orm::Statement;
    use secure_chat_shared::protocol::{ErrorCode, RequestError};
    use tokio::sync::oneshot;

    use super::super::{Database, Failure, Storage};
    use super::*;

    async fn database(folder: &tempfile::TempDir) -> Database {
        Database::open(&Storage::Sqlite(folder.path().join("test.db")))
            .await
            .unwrap()
    }

    async fn insert(tx: &Tx<'_>, number: i64) -> Result<(), Failure> {
        let sql = "INSERT INTO conversations (id, state, created) VALUES ($1, x'00', $2)";
        let values = [
            vec![1_u8, u8::try_from(number).unwrap()].into(),
            number.into(),
        ];
        let backend = tx.connection().get_database_backend();
        tx.connection()
            .execute_raw(Statement::from_sql_and_values(backend, sql, values))
            .await?;
        Ok(())
    }

    async fn count(database: &Database) -> usize {
        let sql = "SELECT id FROM conversations".to_owned();
        let statement = Statement::from_string(DbBackend::Sqlite, sql);
        database
            .read()
            .query_all_raw(statement)
            .await
            .unwrap()
            .len()
    }

    #[tokio::test]
    async fn jobs_queued_together_are_committed_together_and_answered_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(&folder).await;
        // A first job holds the writer until the others are queued.
        let (go, gate) = oneshot::channel::<()>();
        let (started, running) = oneshot::channel::<()>();
        let first = database.write(
            move |_| {
                Box::pin(async move {
                    let _ = started.send(());
                    let _ = gate.await;
                    Ok(())
                })
            },
            |()| {},
        );
        let order = Arc::new(Mutex::new(Vec::new()));
        let others = futures::future::join_all((0..10).map(|number| {
            let order = Arc::clone(&order);
            let seen = database.clone();
            async move {
                let result = database_write(&seen, number, order).await;
                // Whoever has the answer finds the row, and all others of its batch.
                (result, count(&seen).await)
            }
        }));
        let release = async {
            running.await.unwrap();
            go.send(()).unwrap();
        };
        let (first, results, ()) = futures::join!(first, others, release);
        first.unwrap();
        for (number, (result, count)) in results.iter().enumerate() {
            assert_eq!(result.is_ok(), number != 4, "{number}");
            assert_eq!(*count, 9);
        }
        assert_eq!(*locked(&order), [0, 1, 2, 3, 5, 6, 7, 8, 9]);
        database.close().await;
    }

    async fn database_write(
        database: &Database,
        number: i64,
        order: Arc<Mutex<Vec<i64>>>,
    ) -> Result<(), Failure> {
        database
            .write(
                move |tx| {
                    Box::pin(async move {
                        insert(tx, number).await?;
                        if number == 4 {
                            return Err(RequestError::new(ErrorCode::Conflict, "").into());
                        }
                        Ok(())
                    })
                },
                move |()| locked(&order).push(number),
            )
            .await
    }

    fn row(number: i64) -> entry::ActiveModel {
        use sea_orm::ActiveValue::Set;
        entry::ActiveModel {
            conversation_id: Set(vec![1]),
            number: Set(number),
            bytes: Set(None),
            leaf: Set(Vec::new()),
            root: Set(Vec::new()),
            nodes: Set(Vec::new()),
            time: Set(0),
            is_state: Set(false),
            sender: Set(Vec::new()),
            message_id: Set(Some(vec![u8::try_from(number).unwrap()])),
        }
    }

    async fn numbers(database: &Database) -> Vec<i64> {
        let rows = entry::Entity::find().all(database.read()).await.unwrap();
        rows.into_iter().map(|row| row.number).collect()
    }

    #[tokio::test]
    async fn rows_are_inserted_together_and_one_that_is_there_spoils_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(&folder).await;
        database
            .write(|tx| Box::pin(insert(tx, 0)), |()| {})
            .await
            .unwrap();
        let conversation = "UPDATE conversations SET id = x'01'".to_owned();
        database
            .write(
                move |tx| {
                    Box::pin(async move {
                        tx.connection().execute_unprepared(&conversation).await?;
                        Ok(())
                    })
                },
                |()| {},
            )
            .await
            .unwrap();
        // Number 2 comes twice; whatever is not staged says so.
        let answers = futures::future::join_all([0, 1, 2, 3, 2, 4].map(|number| {
            database.write_row(
                move |_: &Tx<'_>| (number != 3).then(|| (row(number), "staged")),
                move |tx| {
                    Box::pin(async move {
                        let all = entry::Entity::find().all(tx.connection()).await?;
                        if all.iter().any(|row| row.number == number) {
                            return Ok("was there");
                        }
                        let insert = entry::Entity::insert(row(number));
                        insert.exec_without_returning(tx.connection()).await?;
                        Ok("run")
                    })
                },
                |_| {},
            )
        }))
        .await;
        let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        let expected = ["staged", "staged", "staged", "run", "was there", "run"];
        assert_eq!(answers, expected);
        assert_eq!(numbers(&database).await, [0, 1, 2, 3, 4]);
        database.close().await;
    }

    #[tokio::test]
    async fn a_job_that_panics_takes_nothing_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(&folder).await;
        let panics = database
            .write(
                |tx| {
                    Box::pin(async move {
                        insert(tx, 1).await?;
                        panic!("as a mistake would");
                    })
                },
                |()| {},
            )
            .await;
        assert!(matches!(panics, Err(Failure::Database(_))));
        database
            .write(|tx| Box::pin(insert(tx, 2)), |()| {})
            .await
            .unwrap();
        assert_eq!(count(&database).await, 1);
        database.close().await;
        let late = database.write(|tx| Box::pin(insert(tx, 3)), |()| {}).await;
        assert!(matches!(late, Err(Failure::Database(_))));
    }
}
