//! The one writer: takes whatever is queued, runs it in one transaction, commits, then answers everybody.
//!
//! Waiting for the disk costs as much for one job as for two hundred, so they wait together. Each job has a savepoint
//! of its own: one that is refused takes nothing else with it.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use lru::LruCache;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use secure_chat_shared::ids::ConversationId;
use secure_chat_shared::log::LogState;
use secure_chat_shared::log::tree::Frontier;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Failure, Work, writer_gone};

/// Jobs committed together at most.
const MAX_BATCH: usize = 256;
/// Jobs that may wait; whoever comes then waits to be let in.
const QUEUE: usize = 1024;
/// Conversations whose newest state is kept in memory.
const KEPT_HEADS: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN.saturating_add(511);

/// The newest state of one conversation.
#[derive(Debug, Clone)]
pub struct Head {
    /// The tree over its entries.
    pub frontier: Frontier,
    /// The judged log.
    pub state: Arc<LogState>,
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

impl Tx<'_> {
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
}

/// A job, its types erased.
pub(super) struct Job(Box<Run>);

type Run = dyn for<'a> FnOnce(&'a Tx<'a>) -> BoxFuture<'a, Finished> + Send;

/// What a job came to: whether its savepoint is kept, and how to answer once the commit's fate is known.
struct Finished {
    keep: bool,
    answer: Answer,
}

type Answer = Box<dyn FnOnce(Result<(), DbErr>) + Send>;

impl Job {
    /// Packs `work` and `after`; the answer arrives on the receiver.
    pub(super) fn new<T, W, A>(work: W, after: A) -> (Self, oneshot::Receiver<Result<T, Failure>>)
    where
        T: Send + 'static,
        W: Work<T>,
        A: FnOnce(&T) + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job = Self(Box::new(move |tx| {
            let running = work(tx);
            Box::pin(async move {
                let result = AssertUnwindSafe(running)
                    .catch_unwind()
                    .await
                    .unwrap_or_else(|_| Err(DbErr::Custom("a job panicked".into()).into()));
                Finished {
                    keep: result.is_ok(),
                    answer: Box::new(move |committed| {
                        let result = match (result, committed) {
                            (Ok(value), Ok(())) => {
                                after(&value);
                                Ok(value)
                            }
                            (Ok(_), Err(error)) => Err(error.into()),
                            (Err(error), _) => Err(error),
                        };
                        // Whoever asked may be gone; what was done stays done.
                        let _ = sender.send(result);
                    }),
                }
            })
        }));
        (job, receiver)
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
        let mut answers = Vec::with_capacity(count);
        let committed = batch(&connection, &heads, jobs.drain(..), &mut answers).await;
        if let Err(error) = &committed {
            tracing::error!(%error, count, "a batch was not committed");
        }
        for answer in answers {
            answer(committed.clone());
        }
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "closing the writer's connection");
    }
}

/// Runs the jobs in one transaction. Jobs that could not even run are dropped, which answers them too.
async fn batch(
    connection: &DatabaseConnection,
    heads: &Heads,
    jobs: impl Iterator<Item = Job>,
    answers: &mut Vec<Answer>,
) -> Result<(), DbErr> {
    // The write lock at once: the operator's commands write from another process, and a transaction that has read before
    // they did could not write any more.
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = connection.begin_with_options(options).await?;
    let mut changed = HashMap::new();
    for job in jobs {
        let savepoint = transaction.begin().await?;
        let tx = Tx {
            connection: &savepoint,
            committed: heads,
            batch: &changed,
            staged: Mutex::default(),
        };
        let finished = (job.0)(&tx).await;
        let staged = tx
            .staged
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        answers.push(finished.answer);
        if finished.keep {
            savepoint.commit().await?;
            changed.extend(staged);
        } else {
            savepoint.rollback().await?;
        }
    }
    transaction.commit().await?;
    let mut kept = locked(&heads.0);
    for (id, head) in changed {
        kept.put(id, head);
    }
    Ok(())
}

/// A lock that a panic elsewhere left behind is still good: every critical section here is one look-up or insertion.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, Statement};
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
        let statement = Statement::from_string(sea_orm::DbBackend::Sqlite, sql);
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
