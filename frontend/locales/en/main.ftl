### Secure Chat, English. One file is one language.
### $own is "yes" where the person who reads did it, "no" where somebody else did.

## Everywhere

product = Secure Chat
product-unread = ({ $count }) Secure Chat
promise = Sealed in your browser. The server passes messages on and cannot read them.
starting = Starting …
loading = Loading …
close = Close
cancel = Cancel
save = Save
back = Back
reload = Reload
later = Later
not-now = Not now
copy = Copy
download = Download
print = Print
copied = Copied.
not-copied = The browser did not allow copying. Select the text and copy it by hand.
list-and = { $most } and { $last }
you = you
today = Today
yesterday = Yesterday
just-now = just now
day-and-time = { $day }, { $time }
show = Show
working = Working …

## Signing in and creating an account

sign-in = Sign in
signing-in = Signing in …
user-name = User name
password = Password
show-characters = Show what is typed
hide-characters = Hide what is typed
no-account-yet = New here?
create-account = Create account
account-already = You have an account?
user-name-hint = Others find you by it. It cannot be changed.
user-name-missing = Enter your user name.
name-too-short = A user name has at least 2 characters.
name-too-long = A user name has at most 32 characters.
name-character = Use letters and digits, with dots, dashes and underscores between them.
password-hint = At least 10 characters. Several words that do not belong together are good.
password-too-short = Use at least 10 characters.
password-common = This is one of the passwords that are guessed first. Choose another one.
password-is-name = This is your user name. Choose something that others do not know.
password-pattern = This only repeats or counts. Choose something that cannot be guessed.
strength = Strength
strength-weak = Too weak
strength-fair = Fair
strength-good = Good
strength-strong = Strong
sign-my-messages-with = Sign my messages with
rsa-pss-hint = Recommended. The key cannot be copied out of this browser.
dsa-hint = For those who need it. { dsa-limits }
dsa-limits = FIPS 186-5 no longer approves DSA for new signatures, and browsers’ own cryptography (WebCrypto) lacks it, so this key is guarded less well.
creating = Creating your account
creating-hint = This takes a few seconds. Your keys are made here, in this browser.
step-password = Protecting your password
step-encryption-key = Making your encryption key
step-signing-keys = Making your signing keys
step-sealed = Sealing your keys
step-registered = Registering
step-done = done
forgot-password = Forgot password?
data-gone = The data of { $name } in this browser is gone: deleted by hand, or by the browser when its disk ran short. Sign in, and everything comes back but what was not sent yet.
invitation-code = Invitation code
invitation-code-hint = This server takes new accounts by invitation. Whoever runs it gives you the code.
invitation-code-missing = Enter the code that you were given.
registration-closed = This server takes no new accounts. Ask whoever runs it, or sign in if you have an account here.

## Locked

locked = Locked
locked-hint = Your keys are not in this browser now. Your password brings them back, and everything is as you left it.
unlock = Unlock
unlocking = Unlocking …
sign-in-as-other = Sign in as somebody else
other-question = Make room for somebody else?
other-hint = This wipes what { $name } has in this browser. Messages and drafts that were not sent yet are lost; all else comes back when { $name } signs in again.
other-confirm = Wipe and go on

## Lost password

recover = Forgot your password?
recover-hint = Your recovery code brings everything back: conversations, contacts, keys. You choose a new password, get a new code, and every other browser is signed out.
recovery-code-hint = 8 groups of 4 letters and digits, as you have kept it.
new-password = New password
recover-confirm = Set new password
recovering = Setting your new password
recovering-hint = This takes a few seconds. Everything is opened and sealed again here, in this browser.
step-code = Checking your recovery code
step-resealed = Sealing your keys anew
step-replaced = Replacing the old password
recover-back = Back to signing in
neither = I have neither password nor code
neither-why = Then nobody can open this account any more, not even whoever runs this server: your keys are sealed with the password and the code, and nothing else. If a browser is still signed in to it, do not sign out there; save what you need.
neither-then = You can start afresh with a new account. Your contacts have to invite you again. If whoever runs this server gives you your old user name back, your contacts are warned that your keys are not the ones they knew.
code-length = A recovery code has 8 groups of 4 characters.
code-character = A recovery code is made of letters and digits only.
code-mistyped = There is a typing error in this code. Compare it with what you have kept.

## Recovery code

recovery-code = Recovery code
recovery-hint = If you forget your password, only this code brings your account back. Keep it on paper or in a password manager. Any code that you had before is void.
recovery-ask = Type two groups of the code as you have kept it.
recovery-group = Group { $place }
recovery-again = Show the code again
i-have-saved-it = I have saved it
recovery-reminder-title = Recovery code not saved
recovery-reminder = Your recovery code is not saved yet. Without it, a forgotten password means a lost account.
recovery-show = Show the code
recovery-not-saved = Your recovery code was not saved. Take good care of your password.
recovery-file =
    Secure Chat recovery code of { $name }

    { $code }

    Whoever has this code can take over the account. Keep it where only you find it.

## Conversations

conversations = Conversations
new-conversation = New conversation
search-conversations = Filter conversations
search-placeholder = Search
nothing-found = Nothing found.
no-conversations = No conversations yet.
no-messages-yet = No messages yet
conversation-alone = Only you
names-and-others = { $names } and { $count } others
last-line-own = You: { $text }
last-line-by = { $author }: { $text }
unread = { $count } unread
former = You are no longer in it
managed = Server-managed
managed-hint = Server-managed: the operator of this server could read it
blocked = Needs your attention
switch-to = Switch to a conversation
empty-title = Welcome
empty = Write to somebody by their user name. What you say is sealed in your browser; only the people you write to can open it.
empty-wait-title = One moment
empty-wait = Fetching your conversations …
find-a-person = Find a person
choose-title = Choose a conversation
choose = Or press Ctrl K to jump to one.
missing-title = This conversation is not here
missing = You may have left it, or it belongs to another account.
to-conversations = To your conversations
start-conversation = Start conversation
open-conversation = Open conversation

## Invite links

invite-link = Invite link
copy-invite-link = Copy invite link
invite-link-hint = For one person. Send it in a way that you trust: it makes sure, for both of you, that nobody is in between.
link-copied = The invite link is copied. Send it to one person.
link-waits = You have been invited. Sign in or create an account, and you will see by whom.
checking-link = Checking the invite link …
link-invites = { $name } invites you
link-verified = Verified by this link
link-verified-hint = The keys of { $name } are those that this link names. { $name } will see that it was you who opened it.
not-here-yet = Somebody who is not here yet?

## New conversation

people = People
people-hint = User names, separated by commas or Enter.
take-out = Take { $name } out
title = Title
title-hint = Optional. Encrypted like the messages.
end-to-end = End-to-end
end-to-end-hint = Only the people in this conversation have its key.
managed-choice-hint = The server makes the key and hands it out: the operator of this server could read it. This cannot be changed later.
conversation-key = Conversation key
create = Create
invite-people = Invite people
invite-hint = Those you invite can read what is said from now on, not what was said before.
invite = Invite

## Invitations

invitations = Invitations
invitation =
    { $others ->
        [0] { $by } invites you to a conversation
        [one] { $by } invites you to a conversation with one other person
       *[other] { $by } invites you to a conversation with { $others } others
    }
invitation-to = { $by } invites you to “{ $title }”
accept = Accept
decline = Decline

## Messages

messages = Messages
message = Message
message-placeholder = Message
message-label = { $author }, { $time }
send = Send
new-messages = New messages
jump-to-latest = Jump to latest
loading-older = Loading older ones …
state-pending = Waiting to be sent
state-sent = Sent
state-failed = Not sent
not-sent = Not sent. { $why }
try-again = Try again
discard = Discard
proof-of = Signed with { $algorithm } and verified
proof-verified = Signature verified in your browser
proof-signed-by = Signed by
proof-algorithm = Algorithm
proof-fingerprint = Fingerprint
proof-epoch = Sealed under
proof-claimed = Author’s clock
epoch-number = Key { $epoch }
message-of-blocked = Message from somebody you blocked
invalid-seal = A message by { $author } cannot be shown: its seal does not open. It may have been altered on the way.
invalid-signature = A message that claims to be by { $author } is not shown: its signature is wrong.
invalid-malformed = A message by { $author } cannot be shown: it is malformed.
invalid-conflict = A message by { $author } is not shown: an earlier one has the same number and other content.
invalid-purged = A message by { $author } was removed from the server.
invalid-view = A message by { $author } is not shown: it does not fit where it stands in this conversation.
invalid-no-key = A message by { $author } cannot be shown: this browser could not open the key for it.
former-hint = You are no longer in this conversation. What was said while you were stays here.
blocked-hint = Nothing can be sent here for now. See above.
all-offline = Everybody else is offline. They will be told when they are back.

## What happened

deed-created = { $own ->
    [yes] You began the conversation.
   *[no] { $actor } began the conversation.
}
deed-invited = { $own ->
    [yes] You invited { $names }.
   *[no] { $actor } invited { $names }.
}
deed-uninvited = { $own ->
    [yes] You took back the invitation of { $names }.
   *[no] { $actor } took back the invitation of { $names }.
}
deed-accepted = { $own ->
    [yes] You joined.
   *[no] { $actor } joined.
}
deed-declined = { $own ->
    [yes] You declined the invitation.
   *[no] { $actor } declined the invitation.
}
deed-left = { $own ->
    [yes] You left.
   *[no] { $actor } left.
}
deed-removed = { $own ->
    [yes] You removed { $names }.
   *[no] { $actor } removed { $names }.
}
deed-promoted = { $own ->
    [yes] You made { $name } an admin.
   *[no] { $actor } made { $name } an admin.
}
deed-demoted = { $own ->
    [yes] You made { $name } an ordinary member.
   *[no] { $actor } made { $name } an ordinary member.
}
deed-renamed = { $own ->
    [yes] You named the conversation “{ $title }”.
   *[no] { $actor } named the conversation “{ $title }”.
}
deed-unnamed = { $own ->
    [yes] You took the conversation’s name away.
   *[no] { $actor } took the conversation’s name away.
}
deed-renamed-sealed = { $own ->
    [yes] You changed the conversation’s name. The name cannot be read here.
   *[no] { $actor } changed the conversation’s name. The name cannot be read here.
}
deed-rotated = { $own ->
    [yes] You have new keys, signed by the old ones.
   *[no] { $actor } has new keys, signed by the old ones.
}
deed-switched = { $own ->
    [yes] You sign with { $algorithm } now.
   *[no] { $actor } signs with { $algorithm } now.
}
deed-compromised = { $own ->
    [yes] You declared your old keys compromised.
   *[no] { $actor } declared the old keys compromised.
}
deed-rekeyed = { $own ->
    [yes] You made a fresh key for the conversation (key { $epoch }).
   *[no] { $actor } made a fresh key for the conversation (key { $epoch }).
}
deed-shared = { $own ->
    [yes] You shared earlier messages with { $name }.
   *[no] { $actor } shared earlier messages with { $name }.
}
deed-faulted = { $own ->
    [yes] You could not open the conversation’s key.
   *[no] { $actor } could not open the conversation’s key.
}
deed-rewrapped = { $own ->
    [yes] You handed the key to { $name } again.
   *[no] { $actor } handed the key to { $name } again.
}
deed-server-rekeyed = The server made key { $epoch }.

## Members

members = Members
member-count =
    { $count ->
        [one] One member
       *[other] { $count } members
    }
admin = Admin
invited = Invited
invited-not-answered = invited, has not answered yet
person-and-state = { $name } · { $state }
presence-online = online
presence-away = away
presence-offline = offline
presence-last-seen = last seen { $ago }
find-member = Find a member
more-members = Show { $count } more
member-line = { $presence } · signs with { $algorithm }
verified = Verified
verified-by-link = Verified by link
rotated = Rotated since verified
blocked-mark = Blocked
verify = Verify
more-about = More about { $name }
make-admin = Make admin
make-member = Make member
share-history = Share earlier messages
share-question = Share earlier messages with { $name }?
share-hint = { $name } will be able to read what was said before the invitation, as far as you can. Everybody here sees that you shared it. It cannot be taken back.
block = Block
block-question = Block { $name }?
block-hint = You get no invitations from { $name } and are not told of new messages, and what { $name } writes is folded away. { $name } is not told of it.
unblock = Unblock
unblock-name = Unblock { $name }
take-invitation-back = Take invitation back
uninvite-question = Take the invitation of { $name } back?
uninvite-hint = They can no longer read what is said from then on. A fresh key is made for everybody else.
remove = Remove
remove-name = Remove { $name }
remove-question = Remove { $name }?
remove-hint = They can no longer read what is said from then on. A fresh key is made for those who stay.
rename = Rename
export-conversation = Export conversation
export-hint = You get a file with a page to read and everything that others need to check it: signatures, keys, and who was a member when. They need nothing of this program for that.
export-range = Messages
export-all = Everything
export-days = From one day to another
export-from = From
export-to = To
export-backwards = The last day lies before the first.
export-caution = Before you export
export-caution-proof = Every message carries its author’s signature. Whoever gets the file can prove to anybody who wrote what, and its authors cannot deny it. That holds for your messages too.
export-caution-clear = In the file, texts, names and the title are no longer encrypted. Keep it as you would keep the conversation.
export-confirm = I understand, export
exporting = Exporting …
export-done = Exported
export-count = { $count ->
    [0] There is no message in it, only who was a member when. The file is with your downloads:
    [one] One message is in it. The file is with your downloads:
   *[other] { $count } messages are in it. The file is with your downloads:
}
export-marked = { $count ->
    [one] One message could not be shown here; the file lists it without content.
   *[other] { $count } messages could not be shown here; the file lists them without content.
}
export-check = README.txt in it says how to check it, with OpenSSL alone or with “secure-chat verify”. What is checked are keys: compare the fingerprints with the people themselves.
export-too-large = That is too much for one file. Choose fewer days.
leave-conversation = Leave conversation
leave-question = Leave this conversation?
leave-hint = You can no longer read or write here. To come back, somebody has to invite you again.
encryption = Encryption
head-code = State code
head-code-hint = If two people see different state codes at the same moment, the server is showing them different histories.
history = History
history-all = Show all { $count }
history-signed = { $time }, signed { $algorithm }
history-signed-by-server = { $time }, signed { $algorithm } by the server

## Safety number

safety-number = Safety number
safety-hint = Compare this number with { $name } in person or by phone. If both of you see the same one, nobody is in between.
safety-changed-hint = This is the number of the new keys. Compare it with { $name } in person or by phone. If both of you see the same one, the new keys are real.
safety-qr = Safety number as a QR code
mark-as-verified = Mark as verified
accept-as-verified = Accept as verified
take-verification-back = No longer verified
is-verified = You have verified { $name }.
is-verified-by-link = { $name } is verified by an invite link. Comparing the number makes sure once more.

## Connection

connection = Connection
connecting = Connecting …
connected = Connected
catching-up = Connected. Catching up …
caught-up = Connected. All caught up.
no-network = You are offline. What you write is sent later.
server-unreachable = The server cannot be reached. What you write is sent later.
reconnecting-in =
    { $seconds ->
        [0] Reconnecting …
       *[other] Reconnecting in { $seconds } s
    }
reconnect-now = Reconnect now

## Account and settings

account = Account
settings = Settings
lock = Lock
sign-out = Sign out
sign-out-question = Sign out?
sign-out-hint = This wipes your keys and messages from this browser. You need your password to come back. Messages that are still waiting to be sent, and drafts, are lost.
sign-out-unsaved = This wipes your keys and messages from this browser, and with them the recovery code that you have not saved. Only your password brings you back then. Messages that are still waiting to be sent, and drafts, are lost.
access = Password and recovery code
access-hint = Either of them opens your account, and nothing else does.
change-password = Change password
change-password-hint = You get a new recovery code with the new password; the one that you have now opens nothing from then on.
old-password = Present password
keep-sessions = Keep my other browsers signed in
keep-sessions-hint = They ask for the new password. Leave this off if somebody else may be signed in.
password-changed = Your password is changed.
check-code = Check recovery code
check-code-hint = Type it as you have kept it. It is checked in this browser and goes nowhere.
check = Check
close-dialog = Done
code-is-right = This is your recovery code. Keep it well.
code-is-wrong = This is not your recovery code. It may be an older one; make a new one if you have lost the right one.
make-new-code = Make a new code
make-new-code-question = Make a new recovery code?
make-new-code-hint = The one that you have now opens nothing from then on.
others-ask-again = Your other browsers ask for your password once.
code-replaced = You have a new recovery code.
locking = Locking
locking-hint = A locked browser keeps your conversations sealed and has no keys. Your password brings them back.
auto-lock = Lock when nobody uses it
auto-lock-never = Never
auto-lock-after =
    { $minutes ->
        [60] After an hour
       *[other] After { $minutes } minutes
    }
lock-now = Lock now
storage = Storage
storage-promised = The browser has promised to keep your data.
storage-not-promised = The browser may delete your data when the disk runs short. You would have to sign in again, and what was not sent yet would be lost.
storage-ask = Ask the browser to keep it
storage-size = It uses { $size } here.
leaving = Leaving
delete-account = Delete account
delete-account-question = Delete your account?
delete-account-hint = You leave every conversation. Your keys, your contacts and everything that is stored for you are deleted from the server and from this browser, and every browser of yours is signed out.
delete-account-then = What you wrote stays with those you wrote to. Nobody else can take your user name. This cannot be taken back.
look = Look
theme = Theme
theme-system = System
theme-system-hint = Follows your device.
theme-light = Light
theme-dark = Dark
notifications = Notifications
notifications-ask = Be told of new messages while this page is in the background?
notifications-on = Turn on notifications
notifications-are-on = You are told of new messages while this page is in the background.
notifications-denied = The browser blocks notifications from this page. Its site settings can allow them again.
identity = Your identity
your-fingerprint = Fingerprint
identity-version = Version of your keys
fingerprint-hint = Your fingerprint stands for your keys. Others see it in the proof of each of your messages.
switch-algorithm = Sign with { $algorithm }
switch-algorithm-question = Sign with { $algorithm } from now on?
switch-algorithm-hint = Your messages are then signed with { $algorithm }, in every conversation. Your keys stay, and everybody sees the change.
algorithm-changed = Your messages are signed with { $algorithm } from now on.
make-new-keys = Make new keys
make-new-keys-question = Make new keys?
make-new-keys-hint = Your present keys sign the new ones, so your contacts follow by themselves. Who has verified you sees that your keys have changed since.
keys-changed = You have new keys.
keys-stolen = My keys were stolen
keys-stolen-question = Were your keys stolen?
keys-stolen-hint = Say so if somebody else may have your keys. You get new ones, leave every conversation, and everybody in them is told.
keys-stolen-then = Your contacts have to accept your new keys and invite you again. This cannot be taken back.
keys-stolen-confirm = Replace my keys
keys-replaced = You have new keys, and have left every conversation. Your contacts have to accept them.
outdated = Your keys or your password were changed in another browser. Enter your password to go on.
outdated-title = Fetch your keys
outdated-hint = Your password, the new one if you have changed it, opens your keys for this browser. Until then, what you write waits.
enter-password = Enter password
fetch-keys = Fetch the keys
blocked-people = Blocked people
blocked-people-hint = You get no invitations from them and are not told of their messages.
passkeys = Passkeys
passkeys-hint = With a passkey, a stolen password is not enough to sign in on a new browser. Where the device supports it, a passkey also unlocks this browser without the password. Your recovery code works without a passkey.
passkey-used = Used { $ago }
passkey-never-used = Not used yet
passkey-made = Made { $date }
passkey-unlocks = Needed to sign in, and unlocks
passkey-signs-in = Needed to sign in
passkey-default-name = This device
passkey-name = Name of the passkey
passkey-cancelled = No passkey was given. Try again when you are ready.
passkey-has-one = This device already has a passkey for your account.
passkey-unable = This browser, or this address, cannot use passkeys.
add-passkey = Add a passkey
go-on = Continue
add-passkey-hint = Your browser asks you to confirm with your fingerprint, face, PIN or security key.
remove-passkey = Remove
remove-passkey-of = Remove passkey { $name }
remove-passkey-question = Remove the passkey { $name }?
remove-passkey-hint = It can no longer sign you in. Without any passkey, name and password are enough again.
unlock-by-passkey = Unlock with a passkey
use-passkey = Use your passkey
second-factor-hint = The password is right. This account also asks for a passkey.
sessions = Signed-in browsers
this-browser = This browser
session-seen = Last seen { $ago }
session-since = Signed in { $date }
end-session = End session
end-session-of = End session of { $browser }
end-others = End all others
end-others-question = End all other sessions?
end-others-hint = Every other browser is signed out, and its data wiped as soon as it is online. If somebody else may know your password, change it too.
place-unknown = place not known
place-this-machine = on the server’s own machine
place-private-network = in the server’s own network
place-internet = from { $address }

## Notes and banners

notice-offline =
    { $count ->
        [one] { $names } is offline; they will be told when they are back.
       *[other] { $names } are offline; they will be told when they are back.
    }
notice-rotated = { $name } has new keys since you verified them. Compare safety numbers again when you can.
notice-store-rebuilt = This browser’s data was lost or damaged and is built again from the server.
notice-compromised = { $name } said that the old keys are in other hands. Nothing more is sent to them until you accept new ones.
notice-verified-by-link = { $name } followed your invite link and is verified by it.
notice-signed-in-elsewhere = New sign-in: { $browser }, { $time }. If that was not you, end its session in Settings and change your password.
notice-password-changed = Your password or recovery code was replaced in another browser. Enter your password above to go on.
notice-gave-back =
    { $count ->
        [one] The server had lost an entry of a conversation. This browser has given it back.
       *[other] The server had lost { $count } entries of a conversation. This browser has given them back.
    }
failed-sign-ins =
    { $count ->
        [one] Somebody has tried to sign in to your account with a wrong password, { $ago }.
       *[other] Somebody has tried { $count } times to get into your account with a wrong password or code, most recently { $ago }.
    }
failed-sign-ins-hint = Nobody got in by that. If it was not you, see in Settings who is signed in; a long password cannot be guessed.
failed-sign-ins-seen = I have seen it
session-ended = This browser was signed out from elsewhere. Sign in again to go on.
log-broken-title = This conversation has been stopped
log-broken = Its record does not fit what its members have signed, so the server may have altered it. Compare with the others in another way. ({ $why })
identity-changed-title = { $name }’s keys have changed
identity-changed = They may have made a new account, or somebody may be pretending to be { $name }. Ask them in another way before you go on. Nothing is sent until you decide.
identity-compromised-title = { $name } said that the old keys are in other hands
identity-compromised = Ask { $name } in another way whether the new ones are real before you accept them. Nothing is sent until you decide.
compare-safety-number = Compare safety number
accept-identity = Accept new keys

## What went wrong

failure-offline = There is no connection to the server. Try again when you are online.
failure-wrong-credentials = The user name or the password is wrong. Check both and try again.
failure-name-taken = This user name is taken, or too easily mistaken for another one. Choose a different one.
failure-weak-password = This password is too easy to guess. Choose a longer one.
failure-registration-closed = This server takes no new accounts. Ask whoever runs it.
failure-too-many =
    { $seconds ->
        [one] Too many attempts. Try again in one second.
       *[other] Too many attempts. Try again in { $seconds } seconds.
    }
failure-no-such-person = Nobody here is called { $name }. Check the spelling.
failure-already-member = { $name } is in this conversation already.
failure-nobody-to-invite = Name at least one other person.
failure-identity-changed = { $name }’s keys have changed. Ask { $name } in another way whether that is real before you accept them; nothing is sent until then.
failure-not-allowed = You are not allowed to do this here. Your place in the conversation may have changed.
failure-log-broken = This conversation has been stopped because its record was altered. Nothing more can be sent here.
failure-too-large = This is too long or too much at once. Split it up.
failure-not-signed-in = You are not signed in. Sign in and try again.
failure-storage = The browser refuses to store data ({ $why }). Free some space or allow this site to store data, then reload.
failure-server = The server could not do this. Try again later; if it goes on, tell whoever runs it: { $id }
failure-internal = Something failed in this browser. Reload the page and try again. ({ $why })
failure-wrong-state = This cannot be done now. Reload the page and try again.
failure-bad-link = This invite link is not whole, or does not fit the person it names. Ask for a new one.
failure-wrong-password = The password is wrong. Check it and try again.
failure-outdated = Your keys or your password were changed in another browser. Enter your password above to go on.
failure-key-missing = The conversation’s key is not here yet; it has been asked for again. Try again in a while.
failure-code-needed = This server takes new accounts by invitation only. Ask whoever runs it for an invitation code.
failure-code-wrong = This invitation code is wrong or used up. Check it, or ask whoever runs the server for another one.
failure-account-disabled = This account has been disabled. Ask whoever runs the server.
failure-second-factor = This account also asks for a passkey.
failure-passkey-refused = The passkey was not accepted. Try again, or use another one.
failure-no-passkey = There is no passkey that can do this. Use your password.
failure-wrong-recovery-code = The user name or the recovery code is wrong. Check both and try again.
insecure-title = This address is not secure
insecure = Browsers withhold cryptography from pages that come over plain http from another machine. Without it, nothing here could be sealed. Open this page by an address that begins with https.
insecure-operator = If you run this server: put it behind TLS, for example with a reverse proxy, or open it as http://localhost on the same machine.
unsupported-title = This browser is too old
unsupported = It lacks { $feature }, which Secure Chat needs. Update the browser or use a current Firefox, Chrome, Edge or Safari. A private window may lack it too.
engine-failed-title = Something went wrong
