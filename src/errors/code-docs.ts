/**
 * What docs/errors.md says of each code beside its hint. No command imports this: it is for `npm run docs` only.
 */
import type { AvmaErrorCode } from './codes.ts';

/** The headings of docs/errors.md, in its order. */
export const CODE_GROUPS = {
  machine: 'This machine',
  product: 'Product keys and products',
  pipe: 'Finding and reaching the host',
  host: 'What the host decided',
  answer: 'What the host sent',
  license: 'Licenses of customers',
  vendor: 'What a vendor signs',
  report: 'Usage reports',
  lease: 'What became of a license',
} as const;

/** One paragraph for each question; `happened` and `why` are whole sentences. */
export interface CodeDocs {
  readonly group: keyof typeof CODE_GROUPS;
  readonly happened: string;
  /** The usual causes. */
  readonly why: string;
}

/** A new code needs a line here: without it this does not compile. */
export const CODE_DOCS: Record<AvmaErrorCode, CodeDocs> = {
  'access-denied': {
    group: 'machine',
    happened:
      'The system did not let this user read, write or open the file, folder or socket that is named.',
    why: 'The state, the trust anchors and most pipes belong to root; the command ran as somebody else.',
  },
  'disk-full': {
    group: 'machine',
    happened: 'A file could not be written because the disk or the quota is full.',
    why: 'Files are replaced as a whole, so the earlier file is unchanged.',
  },
  'io-error': {
    group: 'machine',
    happened:
      'The system reported a failure while reading or writing the file, device or program that is named.',
    why: 'A failing disk, a file system that went away, a path that goes on below a file, a program that broke off.',
  },
  'file-not-found': {
    group: 'machine',
    happened: 'The file or folder that is named does not exist.',
    why: 'A wrong path, a step that was left out (`avma host init`), or a key ID that is in no trust folder.',
  },
  'file-exists': {
    group: 'machine',
    happened: 'The command would have replaced an existing file, folder or socket, and stopped instead.',
    why: 'A trust root, a host or a socket exists in that place. Hosts may be certified with that trust root, and guests may use that host or socket.',
  },
  'file-invalid': {
    group: 'machine',
    happened: 'The file was read, and it is not what the command needs, or it is damaged.',
    why: 'Another file of the set was given (a certificate in place of a trust anchor), the file was cut or edited, or a member of a catalog is wrong; the message names the place.',
  },
  'state-damaged': {
    group: 'machine',
    happened: "The guest's state file does not match its own digest, so nothing in it is believed.",
    why: 'The file was edited by hand, or the disk damaged it.',
  },
  'state-newer': {
    group: 'machine',
    happened: "The guest's state was written by a later version of avma.",
    why: 'An older version was installed after a newer one, or two versions share one state folder.',
  },
  'ledger-newer': {
    group: 'machine',
    happened: "The host's ledger was written by a later version of avma.",
    why: 'An older version was installed after a newer one, or two versions share one ledger.',
  },
  'state-locked': {
    group: 'machine',
    happened: 'The folder stayed locked for as long as the command waited.',
    why: 'Another command changes the same state, or another `avma host serve` runs from the same folder.',
  },
  'ledger-forked': {
    group: 'machine',
    happened: "The database has a record in this host's ledger that this host has not written.",
    why: "Two machines run with one host's folder, or the database was restored from a backup while the host ran.",
  },
  'ledger-unsafe': {
    group: 'machine',
    happened: 'The database confirms what a power cut could take from it again.',
    why: 'It runs with `fsync = off`, as some do for tests.',
  },
  'agent-running': {
    group: 'machine',
    happened: 'An agent was started while another one is running for the same state folder.',
    why: 'The service avma-agent is running, or somebody started `avma guest agent` by hand.',
  },
  'agent-unavailable': {
    group: 'machine',
    happened: 'No agent answered on its socket, so a program got no attestation.',
    why: 'The agent does not run, or is being started; its folder `/run/avma` is not mounted into the container; or something else listens there.',
  },
  'host-not-running': {
    group: 'machine',
    happened: 'A command for a running host found none on its control socket.',
    why: '`avma host serve` does not run from that folder, has ended meanwhile, or could not make `control.sock` there (its log says so).',
  },
  'hook-failed': {
    group: 'machine',
    happened: 'A program of `on-change.d` failed, took too long, or was not run. No license depends on it.',
    why: 'The program has a mistake, or others than root may write it or a folder above it.',
  },
  'config-invalid': {
    group: 'machine',
    happened: 'A setting in the environment or in the configuration file has a value that cannot be used.',
    why: 'A misspelt member, a number out of range, or `AVMA_CONFIG` names a file that is not there.',
  },
  'argument-invalid': {
    group: 'machine',
    happened: 'An argument on the command line has a value that cannot be used.',
    why: 'A number out of range, a UUID or version in another form, or a socket without a path.',
  },
  internal: {
    group: 'machine',
    happened: 'avma failed in a way that it has no name for.',
    why: 'A fault in avma.',
  },

  'key-invalid': {
    group: 'product',
    happened:
      'The given text does not have the form of a product key, or no catalog of this guest lists the key.',
    why: "A typing error, or the vendor's catalog is not installed here. Keys have 25 of the characters `BCDFGHJKMNPQRTVWXY2346789`.",
  },
  'key-not-installed': {
    group: 'product',
    happened: 'The command needs a product with a key, and there is none, or none of that activation ID.',
    why: 'No key was installed, it was removed with `/upk`, or another user’s state was looked at: each user other than root has a state folder of its own.',
  },
  'channel-unsupported': {
    group: 'product',
    happened: 'The product is in a catalog, and its key channel cannot be activated here.',
    why: 'Only keys of the channel `VT:IA` are activated by a virtualization host. KMS, MAK, retail and OEM keys are not.',
  },
  'rearm-exhausted': {
    group: 'product',
    happened: 'The grace cannot be started again.',
    why: 'The number of re-arms is limited, as it is on Windows.',
  },
  'confirmation-id-invalid': {
    group: 'product',
    happened: 'What was given is not a Confirmation ID.',
    why: 'A Confirmation ID has 48 digits.',
  },
  'confirmation-id-unusable': {
    group: 'product',
    happened: 'The Confirmation ID was not accepted.',
    why: 'Nobody issues Confirmation IDs for these products.',
  },

  'pipe-uri-invalid': {
    group: 'pipe',
    happened: "The pipe's URI cannot be understood.",
    why: 'An unknown scheme, or a path, port or command is missing after it.',
  },
  'pipe-not-found': {
    group: 'pipe',
    happened: 'No pipe is configured, and none was found on this machine.',
    why: 'The hypervisor gives this machine no virtio port, or gives it one only after the next power-off and start; or this is not a guest.',
  },
  'pipe-busy': {
    group: 'pipe',
    happened: 'Another process holds the port.',
    why: 'Two activations at the same time, or another program reads the same port.',
  },
  'host-absent': {
    group: 'pipe',
    happened: 'The pipe exists on this side, and nobody is at its other end.',
    why: '`avma host serve` does not run, or does not serve this VM.',
  },
  'host-silent': {
    group: 'pipe',
    happened: 'The request was sent, and no answer came before the deadline.',
    why: 'The host is overloaded or stopped in the middle, another program is at the other end, or the deadline is too short.',
  },
  'host-gone': {
    group: 'pipe',
    happened: 'The connection ended before the answer was there, or the host could not write its ledger.',
    why: 'The host was stopped or restarted, or its disk is full.',
  },
  'protocol-unsupported': {
    group: 'pipe',
    happened: 'Guest and host share no version of the protocol.',
    why: 'One of the two is older than the other.',
  },
  'vm-id-unknown': {
    group: 'pipe',
    happened: "This machine's ID could not be found out.",
    why: 'The hypervisor gives none, and there is no machine ID; or only root may read it.',
  },

  throttled: {
    group: 'host',
    happened: 'The host did not decide, because too many requests came in on this channel.',
    why: 'A loop in a script, or many guests share one socket. A channel may send 600 frames a minute unless `--throttle` says otherwise, and have 120 answers an hour recorded. The answer says when to ask again; the agent waits for it.',
  },
  'host-not-activated': {
    group: 'host',
    happened: 'The host cannot activate anybody.',
    why: 'The host was set up, but no certificate of a vendor is installed on it.',
  },
  'host-not-datacenter': {
    group: 'host',
    happened: "The host's certificate does not allow it to activate guests.",
    why: 'The vendor certified it with an edition other than a Datacenter edition.',
  },
  'product-unknown': {
    group: 'host',
    happened: 'No catalog of the host lists the product.',
    why: "The vendor's catalog was installed on the guest only, or the host could not read its copy: its log says why.",
  },
  'product-mismatch': {
    group: 'host',
    happened: "The host's catalog describes the product differently from the guest's.",
    why: 'Guest and host have different versions of the catalog; edition and version must be the same in both.',
  },
  'product-not-served': {
    group: 'host',
    happened: 'The product is not one that virtualization hosts activate.',
    why: 'The key is of another channel than VT:IA, or the edition of Windows is not one that AVMA serves.',
  },
  'version-too-old': {
    group: 'host',
    happened: 'The product is older than the first version that a host activates.',
    why: 'Automatic virtual machine activation began with Windows Server 2012 R2.',
  },
  'version-too-new': {
    group: 'host',
    happened: "The product's version is newer than the version in the host's certificate.",
    why: 'A host activates products up to its own version; the message has both numbers.',
  },
  'vm-refused': {
    group: 'host',
    happened: 'The request names another VM than the one that the channel belongs to.',
    why: "The guest's VM ID is not the hypervisor's UUID for it (`AVMA_VM_ID` is set, or a disk moved from Hyper-V), or two guests share a channel.",
  },
  'exchange-reused': {
    group: 'host',
    happened: 'The host has seen this exchange ID with other bytes, and refuses it.',
    why: 'Somebody replays or changes what passes over the pipe.',
  },
  'request-unopened': {
    group: 'host',
    happened: 'The host could not open the request: it was sealed to another host.',
    why: 'The VM moved to another host. A guest then asks once who the host is and sends again; this code stays only if that fails too.',
  },
  'request-malformed': {
    group: 'host',
    happened: 'The host opened the request and could not make sense of it.',
    why: 'Guest and host are of versions that do not fit, or something else writes to the host’s socket.',
  },
  refused: {
    group: 'host',
    happened: 'The host refused with a code that this guest has no name for.',
    why: 'The host is newer than the guest.',
  },

  'response-malformed': {
    group: 'answer',
    happened: 'What came back is not an answer.',
    why: 'Something on the pipe changes what passes, or another program answers.',
  },
  'response-unopened': {
    group: 'answer',
    happened: 'The answer does not open with the key of this exchange.',
    why: 'Something on the pipe changes what passes, or replays an old answer.',
  },
  'certificate-untrusted': {
    group: 'answer',
    happened: "No trust anchor of this guest signed the host's certificate.",
    why: "The vendor's `root.pub.json` is not installed here, or the host was certified by another vendor.",
  },
  'certificate-expired': {
    group: 'answer',
    happened: "The host's certificate had ended when the host signed.",
    why: 'It was not renewed.',
  },
  'certificate-not-yet-valid': {
    group: 'answer',
    happened: "The host's certificate was not valid yet when the host signed.",
    why: "The host's clock is behind the vendor's.",
  },
  'signature-invalid': {
    group: 'answer',
    happened: "The signature under the answer is not that of the key in the host's certificate.",
    why: 'Something on the pipe changes what passes, or the host is not the one that was certified.',
  },
  'request-mismatch': {
    group: 'answer',
    happened: 'The answer is for another request.',
    why: 'Something on the pipe mixes up answers, or replays one.',
  },
  'host-mismatch': {
    group: 'answer',
    happened: 'The answer and the certificate name different hosts.',
    why: 'A fault in the host, or an attempt to pass for another host.',
  },
  'vm-mismatch': {
    group: 'answer',
    happened: 'The lease is for another VM.',
    why: 'The disk was copied or cloned, or this machine was given another UUID.',
  },
  'edition-mismatch': {
    group: 'answer',
    happened: 'The answer is for another product.',
    why: 'A fault in the host, or an answer that was moved.',
  },
  'lease-invalid': {
    group: 'answer',
    happened: 'The answer grants what no host may grant.',
    why: 'A lease longer than seven days, or dates that are out of order: a fault in the host, or a changed one.',
  },

  'host-revoked': {
    group: 'answer',
    happened: 'The vendor has withdrawn the certificate of the host, so its approvals count no more.',
    why: "The host or its keys were stolen, its customer has not paid, or its certificate was replaced. The vendor's revocation list is kept by hosts and guests.",
  },
  'vendor-mismatch': {
    group: 'answer',
    happened: 'The host is certified by another vendor than the one whom the product belongs to.',
    why: "The product's catalog is signed, and the host has no certificate of that vendor. Being trusted here is not enough: each vendor's hosts license that vendor's own products only.",
  },
  'vm-cloned': {
    group: 'host',
    happened: 'Two machines use one VM ID at the same time, and the host refuses one of them, or both.',
    why: "A VM was copied with its VM ID, or was started on two hosts. The host's policy (`avma host serve --clones`) is not `warn`.",
  },
  'document-unknown': {
    group: 'host',
    happened: 'The host does not have the document that the guest asked for.',
    why: 'The host has taken a newer document since it announced this one, or was started anew without it.',
  },
  'license-missing': {
    group: 'license',
    happened: 'The product needs a license of a customer, and there is none that counts.',
    why: 'No license for the product was added on the host, or the guest could not fetch the one that the host named.',
  },
  'license-untrusted': {
    group: 'license',
    happened: 'The license is not signed by a root of the vendor whom the host is certified by.',
    why: 'It is of another vendor, or of a root that the vendor has retired.',
  },
  'license-revoked': {
    group: 'license',
    happened: 'The vendor has withdrawn the license.',
    why: "The customer has not paid, the license was replaced, or it came into the wrong hands; the vendor's revocation list gives the reason.",
  },
  'license-product-mismatch': {
    group: 'license',
    happened: 'The license is for another product.',
    why: 'The wrong file was added, or the vendor wrote another product into it.',
  },
  'license-customer-mismatch': {
    group: 'license',
    happened: 'The license is for another customer than the host is certified for.',
    why: 'A license was copied to the host of another customer, or the two names differ in spelling.',
  },
  'license-host-mismatch': {
    group: 'license',
    happened: 'The license names the hosts where it counts, and this host is not among them.',
    why: 'The license was copied to another host, or the host was set up anew and has another hardware ID.',
  },
  'license-site-mismatch': {
    group: 'license',
    happened: 'The license is for certain sites, and the host is not certified for any of them.',
    why: 'The host was moved, or was certified without its site.',
  },
  'license-not-yet-valid': {
    group: 'license',
    happened: 'The license has not begun yet.',
    why: "It was added ahead of its time, or the host's clock is behind.",
  },
  'license-expired': {
    group: 'license',
    happened: 'The license has ended, and so has its renewal grace.',
    why: 'No next license was added in time.',
  },
  'license-limit-reached': {
    group: 'license',
    happened: 'The license is used by as many guests as it allows, and allows no new ones beyond that.',
    why: 'More guests run than were bought. With `--overage report` the host would have approved and reported it.',
  },
  'license-invalid': {
    group: 'license',
    happened: 'The file or document is not a license, or was changed after its vendor signed it.',
    why: 'It was edited, cut, or is another file of the set.',
  },
  'feature-missing': {
    group: 'license',
    happened: 'The product is licensed, without the feature that was asked for, or with a smaller number.',
    why: 'The license of the customer does not have it.',
  },
  'catalog-unsigned': {
    group: 'vendor',
    happened: 'A product of a signed catalog is also in a file that nobody signed.',
    why: 'An unsigned file from a test was left in a catalog folder or is to be installed, or somebody copies the product.',
  },
  'catalog-foreign': {
    group: 'vendor',
    happened: 'Two vendors have signed catalogs with the same product.',
    why: 'One of them has taken an activation ID or key of the other. Or it is one vendor, whose new root is not known here: a trust update is missing.',
  },
  'catalog-invalid-signature': {
    group: 'vendor',
    happened: 'The catalog was changed after its vendor signed it, or is not a signed catalog.',
    why: 'It was edited: a signed catalog is changed by its vendor only.',
  },
  'revocations-invalid': {
    group: 'vendor',
    happened: 'The file or document is not a revocation list, or was changed after its vendor signed it.',
    why: 'It was edited, cut, or is another file of the set.',
  },
  'revocations-foreign': {
    group: 'vendor',
    happened: 'The revocation list is not signed by a present root of a vendor who matters here.',
    why: 'It is of another vendor, or of a root that was retired or is not known yet.',
  },
  'revocations-old': {
    group: 'vendor',
    happened: 'A newer revocation list of the vendor is known here, and counts.',
    why: 'An older file was taken again, or something on the pipe offers an old list.',
  },
  'trust-update-invalid': {
    group: 'vendor',
    happened: 'The file or document is not a trust update, or was changed after its vendor signed it.',
    why: 'It was edited, cut, or is another file of the set.',
  },
  'trust-update-foreign': {
    group: 'vendor',
    happened: 'The trust update does not go on from roots that are known here.',
    why: 'It is of another vendor.',
  },
  'trust-update-old': {
    group: 'vendor',
    happened: 'The trust update, or a later one, is known here already.',
    why: 'It was taken twice.',
  },
  'trust-update-gap': {
    group: 'vendor',
    happened: 'The trust update does not follow the last one that is known here.',
    why: 'An update in between was never taken: each one is signed by the roots before it, so none can be left out.',
  },
  'trust-update-unsigned': {
    group: 'vendor',
    happened: 'A root that must sign the trust update has not.',
    why: 'Each update is signed by a root that is known already, and by every root that it introduces; one of the two is missing.',
  },
  'trust-update-drops': {
    group: 'vendor',
    happened: 'The trust update drops all roots of its vendor at once.',
    why: 'A vendor retires a root only after another one was introduced.',
  },
  'report-invalid': {
    group: 'report',
    happened: 'The file is not a usage report, or was changed after its host signed it.',
    why: 'It was edited, or cut.',
  },
  'report-gap': {
    group: 'report',
    happened: 'Between two reports of one host there is time that no report covers.',
    why: 'A report was not handed in, or the host lost its ledger.',
  },
  'report-previous-mismatch': {
    group: 'report',
    happened: 'A report names another report as the one before than the one that is there.',
    why: 'A report was made twice for the same time, left out, or belongs to another host.',
  },
  'nothing-received': {
    group: 'machine',
    happened: 'None of the given files is for this host.',
    why: 'A folder with the files of other hosts was given, or what is in it was not made by a vendor.',
  },
  'passphrase-missing': {
    group: 'machine',
    happened: 'The root key has a passphrase, and none was given.',
    why: 'The command does not run on a terminal, or no file with the passphrase was named.',
  },
  'passphrase-wrong': {
    group: 'machine',
    happened: 'The passphrase does not open the root key.',
    why: 'A typing error, or the passphrase of another key.',
  },

  'grace-expired': {
    group: 'lease',
    happened: 'The lease or the grace has ended, and the product is in notification.',
    why: 'Nothing renewed the lease in time: the agent (avma-agent) did not run, or found no host until the end.',
  },
};
