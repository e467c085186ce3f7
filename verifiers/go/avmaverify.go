// Package avmaverify asks, offline, whether a machine is licensed: the avma verifier in one file.
//
// Copy this file into your product. It needs Go 1.19 or newer and the standard library; it reads no file, opens no socket
// and asks no clock. The same vectors as for the TypeScript and Python verifiers hold it (test/vectors/evidence).
//
//	result := avmaverify.Verify(evidence, avmaverify.Options{
//		Roots:    []string{root},  // your root's public key, or the text of root.pub.json, in your program
//		VMID:     vmID,            // the UUID that the hypervisor gives this machine
//		Product:  activationID,
//		Now:      time.Now(),
//		Features: []string{"vpn", "throughput>=10"},
//	})
//	if !result.Valid {
//		log.Fatalf("not licensed: %s", result.Reason)
//	}
//
// The rules, V4 to V17, are those of docs/protocol.md, section 7.
package avmaverify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Options are what the program itself knows. Roots, VMID, Product and Now are needed.
type Options struct {
	// Your roots, each a public key in base64url or the text of root.pub.json.
	Roots []string
	// The UUID that the hypervisor gives this machine.
	VMID string
	// The product's activation ID.
	Product string
	Now     time.Time
	// All that the program needs: "vpn", "throughput>=10".
	Features []string
	// Members of license.json's vendors, as JSON: what is not of your roots counts for nothing.
	TrustUpdates [][]byte
	Revocations  [][]byte
	// What the program gave to avma guest attest: 32 to 64 lower-case hex digits. Empty: none.
	Nonce string
	// True where the product is activated without a customer license too.
	LicenseOptional bool
}

// Result is valid, or has the reason why not (docs/verifiers.md lists them). Claims are there once all signatures hold.
type Result struct {
	Valid  bool    `json:"valid"`
	Reason string  `json:"reason"`
	Claims *Claims `json:"claims"`
}

// Claims are what the signatures say, whether or not it is enough. Times are milliseconds since 1970 UTC.
type Claims struct {
	VMID    string  `json:"vmId"`
	Product string  `json:"product"`
	Nonce   *string `json:"nonce"`
	// The host's clock.
	IssuedAt int64 `json:"issuedAt"`
	// The guest's clock at the same moment.
	GuestClock int64    `json:"guestClock"`
	ExpiresAt  int64    `json:"expiresAt"`
	Conditions []string `json:"conditions"`
	Host       Host     `json:"host"`
	License    *License `json:"license"`
	// The key ID of the root that signed the host's certificate.
	Root string `json:"root"`
	// The version of the vendor's trust that was reached by trust updates.
	TrustVersion int64 `json:"trustVersion"`
	// The sequence number of the revocation list that was used.
	Revocations *int64 `json:"revocations"`
}

// Host is the host that answered, as the vendor certified it.
type Host struct {
	Name       string  `json:"name"`
	HardwareID string  `json:"hardwareId"`
	Serial     string  `json:"serial"`
	Customer   *string `json:"customer"`
	Site       *string `json:"site"`
	NotAfter   int64   `json:"notAfter"`
	GraceUntil int64   `json:"graceUntil"`
}

// License is what the vendor signed for the customer. Times are milliseconds since 1970 UTC.
type License struct {
	LicenseID   string    `json:"licenseId"`
	Customer    string    `json:"customer"`
	ProductName string    `json:"productName"`
	Features    []Feature `json:"features"`
	// How many guests may use it; nil: any number.
	Guests    *int64 `json:"guests"`
	Overage   string `json:"overage"`
	NotBefore int64  `json:"notBefore"`
	NotAfter  int64  `json:"notAfter"`
	// Until when the host still approves after NotAfter.
	GraceUntil int64 `json:"graceUntil"`
}

// Feature is a feature of a license: a name, with a whole number or without (nil).
type Feature struct {
	Name  string `json:"name"`
	Value *int64 `json:"value"`
}

// Verify says whether the evidence shows that this machine is licensed for the product. Evidence is the JSON of the
// member "evidence" of a product in license.json, or of what avma guest attest prints. It never panics for bad data.
func Verify(evidence []byte, options Options) Result {
	wanted, wrong := readOptions(options)
	if wrong != "" {
		return Result{Reason: wrong}
	}
	signed, ok := parseObject(evidence, isEvidence)
	if !ok {
		return Result{Reason: "response-malformed"}
	}
	known := followUpdates(wanted.trust, options.TrustUpdates)
	listed := newestRevocations(known, options.Revocations)
	claims := claimsOf(signed, known, listed)
	if reason := decide(signed, wanted, known, listed); reason != "" {
		return Result{Reason: reason, Claims: claims}
	}
	return Result{Valid: true, Claims: claims}
}

// --- JSON, as strict as the other verifiers take it ------------------------------------------------------------------

type object = map[string]any

const (
	maxDepth = 100
	// The most JSON that is looked at, in bytes: several times what the largest license takes.
	maxJSON = 1024 * 1024
)

var errJSON = errors.New("no JSON, or a member twice")

// parseJSON reads JSON in UTF-8 without a BOM, without a member twice. All numbers are float64, as in JavaScript.
// Halves of surrogate pairs are kept as invalid UTF-8, which no shape accepts.
func parseJSON(text []byte) (value any, err error) {
	if !utf8.Valid(text) {
		return nil, errJSON
	}
	reader := jsonReader{text: text}
	defer func() {
		if recovered := recover(); recovered != nil {
			if recovered != any(errJSON) {
				panic(recovered)
			}
			value, err = nil, errJSON
		}
	}()
	value = reader.value(0)
	reader.space()
	if reader.at != len(text) {
		return nil, errJSON
	}
	return value, nil
}

type jsonReader struct {
	text []byte
	at   int
}

func (reader *jsonReader) space() {
	for reader.at < len(reader.text) && strings.IndexByte(" \t\n\r", reader.text[reader.at]) >= 0 {
		reader.at++
	}
}

// next is the next byte that is no space, which stays; 0 at the end.
func (reader *jsonReader) next() byte {
	reader.space()
	if reader.at == len(reader.text) {
		return 0
	}
	return reader.text[reader.at]
}

// take goes past a byte that must be next, spaces aside.
func (reader *jsonReader) take(wanted byte) {
	if reader.next() != wanted || wanted == 0 {
		panic(errJSON)
	}
	reader.at++
}

func (reader *jsonReader) value(depth int) any {
	if depth > maxDepth {
		panic(errJSON)
	}
	switch next := reader.next(); {
	case next == '{':
		return reader.object(depth)
	case next == '[':
		return reader.array(depth)
	case next == '"':
		return reader.string()
	case next == '-' || next >= '0' && next <= '9':
		return reader.number()
	default:
		return reader.word()
	}
}

func (reader *jsonReader) word() any {
	for word, value := range map[string]any{"null": nil, "true": true, "false": false} {
		if bytes.HasPrefix(reader.text[reader.at:], []byte(word)) {
			reader.at += len(word)
			return value
		}
	}
	panic(errJSON)
}

func (reader *jsonReader) object(depth int) object {
	members := object{}
	reader.take('{')
	if reader.next() == '}' {
		reader.at++
		return members
	}
	for {
		if reader.next() != '"' {
			panic(errJSON)
		}
		name := reader.string()
		if _, twice := members[name]; twice {
			panic(errJSON)
		}
		reader.take(':')
		members[name] = reader.value(depth + 1)
		if reader.next() == '}' {
			reader.at++
			return members
		}
		reader.take(',')
	}
}

func (reader *jsonReader) array(depth int) []any {
	values := []any{}
	reader.take('[')
	if reader.next() == ']' {
		reader.at++
		return values
	}
	for {
		values = append(values, reader.value(depth+1))
		if reader.next() == ']' {
			reader.at++
			return values
		}
		reader.take(',')
	}
}

var jsonNumber = regexp.MustCompile(`^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?`)

func (reader *jsonReader) number() float64 {
	digits := jsonNumber.Find(reader.text[reader.at:])
	if digits == nil {
		panic(errJSON)
	}
	reader.at += len(digits)
	// Of a number that is too large the value is an infinity, which is no whole number.
	number, _ := strconv.ParseFloat(string(digits), 64)
	return number
}

func (reader *jsonReader) string() string {
	reader.at++
	var text []byte
	for {
		if reader.at == len(reader.text) || reader.text[reader.at] < 0x20 {
			panic(errJSON)
		}
		character := reader.text[reader.at]
		reader.at++
		switch character {
		case '"':
			return string(text)
		case '\\':
			text = reader.escape(text)
		default:
			text = append(text, character)
		}
	}
}

func (reader *jsonReader) escape(text []byte) []byte {
	if reader.at == len(reader.text) {
		panic(errJSON)
	}
	character := reader.text[reader.at]
	reader.at++
	if at := strings.IndexByte(`"\/bfnrt`, character); at >= 0 {
		return append(text, "\"\\/\b\f\n\r\t"[at])
	}
	if character != 'u' {
		panic(errJSON)
	}
	unit := reader.unit()
	if unit >= 0xd800 && unit < 0xdc00 && bytes.HasPrefix(reader.text[reader.at:], []byte(`\u`)) {
		before := reader.at
		reader.at += 2
		if low := reader.unit(); low >= 0xdc00 && low < 0xe000 {
			return utf8.AppendRune(text, 0x10000+(unit-0xd800)<<10+(low-0xdc00))
		}
		reader.at = before
	}
	if unit >= 0xd800 && unit < 0xe000 {
		return append(text, 0xed, byte(0x80|unit>>6&0x3f), byte(0x80|unit&0x3f))
	}
	return utf8.AppendRune(text, unit)
}

// unit reads the four hex digits of an escape.
func (reader *jsonReader) unit() rune {
	if len(reader.text)-reader.at < 4 {
		panic(errJSON)
	}
	var unit [2]byte
	if _, err := hex.Decode(unit[:], reader.text[reader.at:reader.at+4]); err != nil {
		panic(errJSON)
	}
	reader.at += 4
	return rune(unit[0])<<8 | rune(unit[1])
}

// parseObject reads an object of that shape.
func parseObject(text []byte, shape check) (object, bool) {
	if len(text) > maxJSON {
		return nil, false
	}
	value, err := parseJSON(text)
	if err != nil || !shape(value) {
		return nil, false
	}
	return value.(object), true
}

// --- Shapes -----------------------------------------------------------------------------------------------------------

type check func(value any) bool

const maxInstant = 9_999_999_999_999

func pattern(expression string) check {
	compiled := regexp.MustCompile(`^(?:` + expression + `)$`)
	return func(value any) bool {
		text, ok := value.(string)
		return ok && compiled.MatchString(text)
	}
}

func integer(least, most float64) check {
	return func(value any) bool {
		number, ok := value.(float64)
		return ok && number == math.Trunc(number) && number >= least && number <= most
	}
}

func oneOf(values ...string) check {
	return func(value any) bool {
		text, ok := value.(string)
		return ok && contains(values, text)
	}
}

func nullable(inner check) check {
	return func(value any) bool { return value == nil || inner(value) }
}

func list(inner check, least, most int) check {
	return func(value any) bool {
		values, ok := value.([]any)
		if !ok || len(values) < least || len(values) > most {
			return false
		}
		for _, element := range values {
			if !inner(element) {
				return false
			}
		}
		return true
	}
}

type members map[string]check

func objectOf(needed members, optional ...string) check {
	return func(value any) bool {
		given, ok := value.(object)
		if !ok {
			return false
		}
		for name := range needed {
			if _, there := given[name]; !there && !contains(optional, name) {
				return false
			}
		}
		for name, member := range given {
			inner, known := needed[name]
			if !known || !inner(member) {
				return false
			}
		}
		return true
	}
}

// Control characters, line separators, characters that change the direction of text, and invisible ones.
var (
	unprintable = regexp.MustCompile(`[\x00-\x1f\x7f-\x{9f}\x{ad}\x{61c}\x{180e}\x{200b}-\x{200f}\x{2028}-\x{202e}` +
		`\x{2060}-\x{2064}\x{2066}-\x{206f}\x{feff}\x{fff9}-\x{fffb}\x{e0000}-\x{e007f}]`)
	space      = `[ \x{a0}\x{1680}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]`
	statusLine = regexp.MustCompile(`[Ll][Ii][Cc][Ee][Nn][Ss][Ee]` + space + `+[Ss][Tt][Aa][Tt][Uu][Ss]` + space + `*:`)
)

// line is one printable line. Characters are UTF-16 units, as in JavaScript; bytes are those of its JSON.
func line(characters, mostBytes int) check {
	return func(value any) bool {
		text, ok := value.(string)
		if !ok || text == "" || len(text)+strings.Count(text, `"`)+strings.Count(text, `\`) > mostBytes || !utf8.ValidString(text) ||
			unprintable.MatchString(text) || statusLine.MatchString(text) {
			return false
		}
		units := 0
		for _, character := range text {
			units++
			if character > 0xffff {
				units++
			}
		}
		return units <= characters
	}
}

// decode gives the bytes of base64url in its one canonical spelling.
func decode(text string) ([]byte, bool) {
	// The decoder skips line ends.
	if strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return raw, err == nil
}

// base64url is base64url of so many bytes; -1: any number.
func base64url(bytesLong, mostCharacters int) check {
	return func(value any) bool {
		text, ok := value.(string)
		if !ok || len(text) > mostCharacters {
			return false
		}
		raw, ok := decode(text)
		return ok && (bytesLong < 0 || len(raw) == bytesLong)
	}
}

const uuidPattern = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`

var (
	isUUID       = pattern(uuidPattern)
	isInstant    = integer(0, maxInstant)
	isSHA256     = pattern(`[0-9a-f]{64}`)
	isHex8       = pattern(`[0-9a-f]{16}`)
	isKey        = base64url(32, 43)
	isHardwareID = pattern(`[0-9A-F]{4}(?:-[0-9A-F]{4}){3}`)
	isShortLabel = line(63, 1000)
	isLongLabel  = line(200, 1000)
	isHostName   = line(63, 96)
	isCustomer   = line(63, 96)
	isSite       = line(32, 48)
	isNonce      = pattern(`(?:[0-9a-f]{2}){16,32}`)
	isSequence   = integer(1, 999_999_999)
	isKeys       = list(isKey, 1, 4)

	isVendor = objectOf(members{"name": isShortLabel, "publicKey": isKey})
	isEntry  = objectOf(members{
		"digest": pattern(`[0-9a-f]{32}`),
		"reason": oneOf("stolen", "unpaid", "replaced", "unspecified"),
	})

	isSigned   = envelope(8192, 1)
	isDocument = envelope(512*1024, 1)
	isCosigned = envelope(8192, 8)
	isEvidence = objectOf(members{"certificate": isSigned, "answer": isSigned, "license": nullable(isDocument)})
	isAnchor   = objectOf(members{
		"schema":       oneOf("avma.trust-anchor/1"),
		"name":         isShortLabel,
		"publicKey":    isKey,
		"createdAt":    isInstant,
		"trustVersion": isSequence,
	}, "trustVersion")
	isCertificate = objectOf(members{
		"serial":     isHex8,
		"vendorKey":  isKey,
		"hostName":   isHostName,
		"hardwareId": isHardwareID,
		"signingKey": isKey,
		"boxKey":     isKey,
		"customer":   nullable(isCustomer),
		"site":       nullable(isSite),
		"windows": nullable(objectOf(members{
			"edition":   line(63, 63),
			"osVersion": pattern(`[0-9]{1,5}(?:[.][0-9]{1,6}){1,3}`),
			"licensing": oneOf("MAK", "OEM", "KMS"),
		})),
		"notBefore":  isInstant,
		"notAfter":   isInstant,
		"graceUntil": isInstant,
	})
	isAnswer = objectOf(members{
		"exchangeId":    pattern(`[0-9a-f]{32}`),
		"requestDigest": isSHA256,
		"vmId":          isUUID,
		"activationId":  isUUID,
		"decision":      oneOf("approved", "refused"),
		"hresult":       integer(0, 0xffffffff),
		"refusal": nullable(objectOf(members{
			"code":       pattern(`[a-z][a-z-]{0,39}`),
			"message":    line(200, 400),
			"retryAfter": nullable(integer(0, 86400)),
		})),
		"hostName":    isHostName,
		"hardwareId":  isHardwareID,
		"digitalPid2": line(32, 32),
		"guestClock":  isInstant,
		"issuedAt":    isInstant,
		"expiresAt":   isInstant,
		"renewAfter":  isInstant,
		"nonce":       nullable(isNonce),
		"license":     nullable(isSHA256),
		"conditions":  list(oneOf(conditions...), 0, len(conditions)),
	})
	isLicense = objectOf(members{
		"licenseId": isHex8,
		"vendor":    isVendor,
		"customer":  isCustomer,
		"product":   objectOf(members{"activationId": isUUID, "name": isLongLabel}),
		"hosts":     list(isHardwareID, 0, 1000),
		"sites":     list(isSite, 0, 100),
		"features": list(objectOf(members{
			"name":  pattern(`[a-z][a-z0-9.-]{0,31}`),
			"value": nullable(integer(0, 1e12)),
		}), 0, 256),
		"guests":     nullable(integer(1, 1e9)),
		"overage":    oneOf("report", "refuse-new"),
		"notBefore":  isInstant,
		"notAfter":   isInstant,
		"graceUntil": isInstant,
		"issuedAt":   isInstant,
	})
	isRevocations = objectOf(members{
		"vendor":   isVendor,
		"sequence": isSequence,
		"issuedAt": isInstant,
		"hosts":    list(isEntry, 0, 2500),
		"licenses": list(isEntry, 0, 2500),
	})
	isTrustUpdate = objectOf(members{
		"vendorName":  isShortLabel,
		"version":     integer(2, 999_999_999),
		"previous":    nullable(isSHA256),
		"formerRoots": isKeys,
		"roots":       isKeys,
		"issuedAt":    isInstant,
	})
)

var conditions = []string{"certificate-in-grace", "license-in-grace", "over-limit"}

func envelope(payloadCharacters, mostSignatures int) check {
	return objectOf(members{
		"payloadType": isShortLabel,
		"payload":     base64url(-1, payloadCharacters),
		"signatures":  list(objectOf(members{"keyid": isHex8, "sig": base64url(64, 86)}), 1, mostSignatures),
	})
}

// --- Members whose shape was checked ---------------------------------------------------------------------------------

func textOf(from object, name string) string { return from[name].(string) }

func numberOf(from object, name string) int64 { return int64(from[name].(float64)) }

func listOf(from object, name string) []any { return from[name].([]any) }

func textsOf(from object, name string) []string {
	texts := []string{}
	for _, value := range listOf(from, name) {
		texts = append(texts, value.(string))
	}
	return texts
}

func textOrNil(from object, name string) *string {
	if text, ok := from[name].(string); ok {
		return &text
	}
	return nil
}

func numberOrNil(from object, name string) *int64 {
	if from[name] == nil {
		return nil
	}
	number := numberOf(from, name)
	return &number
}

func contains(values []string, wanted string) bool {
	for _, value := range values {
		if value == wanted {
			return true
		}
	}
	return false
}

func distinct(values []string) bool {
	for at, value := range values {
		if contains(values[:at], value) {
			return false
		}
	}
	return true
}

// --- Signatures -------------------------------------------------------------------------------------------------------

// Encodings of the Ed25519 points whose order divides 8, the sign bit cleared: under such a key anybody can sign.
var smallOrder = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

func isSmallOrder(key string) bool {
	raw, _ := decode(key)
	unsigned := append([]byte{}, raw...)
	unsigned[31] &= 0x7f
	return contains(smallOrder, hex.EncodeToString(unsigned))
}

func keyID(key string) string {
	raw, _ := decode(key)
	digest := sha256.Sum256(raw)
	return hex.EncodeToString(digest[:8])
}

// holds says whether the key signed the envelope's payload as that type.
func holds(envelope object, signature any, payloadType, key string) bool {
	named := "application/vnd.avma." + payloadType + ".v1+json"
	if textOf(envelope, "payloadType") != named || isSmallOrder(key) {
		return false
	}
	payload, _ := decode(textOf(envelope, "payload"))
	sig, _ := decode(textOf(signature.(object), "sig"))
	raw, _ := decode(key)
	message := append([]byte(fmt.Sprintf("DSSEv1 %d %s %d ", len(named), named, len(payload))), payload...)
	return ed25519.Verify(raw, message, sig)
}

func firstSignature(envelope object) object { return listOf(envelope, "signatures")[0].(object) }

func digestOf(envelope object) string {
	payload, _ := decode(textOf(envelope, "payload"))
	digest := sha256.Sum256(payload)
	return hex.EncodeToString(digest[:])
}

func payloadOf(envelope object, shape check) (object, bool) {
	payload, _ := decode(textOf(envelope, "payload"))
	return parseObject(payload, shape)
}

// openVendorSigned gives a document that the key in it has signed.
func openVendorSigned(envelope object, payloadType string, shape check) (object, bool) {
	document, ok := payloadOf(envelope, shape)
	return document, ok && holds(envelope, firstSignature(envelope), payloadType, vendorKey(document))
}

func vendorKey(document object) string { return textOf(document["vendor"].(object), "publicKey") }

// --- Options, trust updates, revocations ------------------------------------------------------------------------------

// trust is the vendor, as far as its trust updates were followed: public keys in base64url.
type trust struct {
	roots   []string
	version int64
	// Digest of the last update; empty before the first.
	lastUpdate string
}

type wanted struct {
	trust           trust
	vmID, product   string
	now             int64
	features        []Feature
	nonce           string
	licenseOptional bool
}

const (
	wrongOptions = "options-invalid"
	maxRoots     = 16
	maxFeatures  = 256
	maxLists     = 64
	// Room for those of every vendor that the machine trusts: a guest follows 32 of each.
	maxUpdates = 256
)

var (
	anyUUID       = pattern(`(?i:` + uuidPattern + `)`)
	wantedFeature = regexp.MustCompile(`^([a-z][a-z0-9.-]{0,31})(?:(?:>=|:)([0-9]{1,13}))?$`)
)

// readOptions gives the reason if there is something wrong with them.
func readOptions(options Options) (wanted, string) {
	now := options.Now.UnixMilli()
	if len(options.Roots) == 0 || len(options.Roots) > maxRoots || len(options.Features) > maxFeatures ||
		len(options.TrustUpdates) > maxUpdates || len(options.Revocations) > maxLists ||
		!anyUUID(options.VMID) || !anyUUID(options.Product) || now < 0 || now > maxInstant ||
		options.Nonce != "" && !isNonce(options.Nonce) {
		return wanted{}, wrongOptions
	}
	read := wanted{
		trust:           trust{version: 1},
		vmID:            strings.ToLower(options.VMID),
		product:         strings.ToLower(options.Product),
		now:             now,
		nonce:           options.Nonce,
		licenseOptional: options.LicenseOptional,
	}
	for _, root := range options.Roots {
		key, version, ok := readRoot(root)
		if !ok {
			return wanted{}, wrongOptions
		}
		if !contains(read.trust.roots, key) {
			read.trust.roots = append(read.trust.roots, key)
		}
		if version > read.trust.version {
			read.trust.version = version
		}
	}
	for _, feature := range options.Features {
		match := wantedFeature.FindStringSubmatch(feature)
		if match == nil {
			return wanted{}, wrongOptions
		}
		asked := Feature{Name: match[1]}
		if match[2] != "" {
			least, _ := strconv.ParseInt(match[2], 10, 64)
			if least > 1_000_000_000_000 {
				return wanted{}, wrongOptions
			}
			asked.Value = &least
		}
		read.features = append(read.features, asked)
	}
	return read, ""
}

// readRoot gives a root's public key, and the version of the vendor's trust at which it came in.
func readRoot(root string) (string, int64, bool) {
	version := int64(1)
	if strings.HasPrefix(root, "{") {
		anchor, ok := parseObject([]byte(root), isAnchor)
		if !ok {
			return "", 0, false
		}
		root = textOf(anchor, "publicKey")
		if _, there := anchor["trustVersion"]; there {
			version = numberOf(anchor, "trustVersion")
		}
	}
	return root, version, isKey(root) && !isSmallOrder(root)
}

// trustUpdate is one whose signatures hold.
type trustUpdate struct {
	version          int64
	previous, digest string
	former, roots    []string
	signers          []string
}

// followUpdates gives the trust after all updates that follow on from it, in whatever order they are. All others count
// for nothing.
func followUpdates(known trust, updates [][]byte) trust {
	var opened []trustUpdate
	for _, text := range updates {
		if update, ok := openTrustUpdate(text); ok {
			opened = append(opened, update)
		}
	}
	for followed := true; followed; {
		followed = false
		for _, update := range opened {
			if next, ok := followUpdate(known, update); ok {
				known, followed = next, true
				break
			}
		}
	}
	return known
}

func openTrustUpdate(text []byte) (trustUpdate, bool) {
	none := trustUpdate{}
	envelope, ok := parseObject(text, isCosigned)
	if !ok {
		return none, false
	}
	signed, ok := payloadOf(envelope, isTrustUpdate)
	if !ok {
		return none, false
	}
	update := trustUpdate{
		version: numberOf(signed, "version"),
		digest:  digestOf(envelope),
		former:  textsOf(signed, "formerRoots"),
		roots:   textsOf(signed, "roots"),
	}
	if previous := textOrNil(signed, "previous"); previous != nil {
		update.previous = *previous
	}
	if !distinct(update.former) || !distinct(update.roots) || (update.previous == "") != (update.version == 2) {
		return none, false
	}
	named := append(append([]string{}, update.former...), update.roots...)
	for _, key := range named {
		if isSmallOrder(key) {
			return none, false
		}
	}
	for _, signature := range listOf(envelope, "signatures") {
		signer := ""
		for _, key := range named {
			if holds(envelope, signature, "trust-update", key) {
				signer = key
				break
			}
		}
		if signer == "" {
			return none, false
		}
		update.signers = append(update.signers, signer)
	}
	for _, key := range update.roots {
		if contains(update.former, key) {
			return update, true
		}
	}
	return none, false
}

func followUpdate(known trust, update trustUpdate) (trust, bool) {
	if update.version != known.version+1 || known.lastUpdate != "" && update.previous != known.lastUpdate {
		return trust{}, false
	}
	signed := false
	for _, root := range known.roots {
		if !contains(update.former, root) {
			return trust{}, false
		}
		signed = signed || contains(update.signers, root)
	}
	for _, key := range update.roots {
		if !contains(known.roots, key) && !contains(update.signers, key) {
			return trust{}, false
		}
	}
	return trust{roots: update.roots, version: update.version, lastUpdate: update.digest}, signed
}

// newestRevocations gives the list with the highest sequence that one of the roots signed, or nil.
func newestRevocations(known trust, lists [][]byte) object {
	var newest object
	for _, text := range lists {
		envelope, ok := parseObject(text, isDocument)
		if !ok {
			continue
		}
		listed, ok := openVendorSigned(envelope, "revocations", isRevocations)
		if ok && len(listOf(listed, "hosts"))+len(listOf(listed, "licenses")) <= 2500 &&
			contains(known.roots, vendorKey(listed)) &&
			(newest == nil || numberOf(listed, "sequence") > numberOf(newest, "sequence")) {
			newest = listed
		}
	}
	return newest
}

func isRevoked(listed object, kind, name string) bool {
	if listed == nil {
		return false
	}
	digest := sha256.Sum256([]byte(name))
	for _, entry := range listOf(listed, kind) {
		if textOf(entry.(object), "digest") == hex.EncodeToString(digest[:16]) {
			return true
		}
	}
	return false
}

// --- The decision -----------------------------------------------------------------------------------------------------

const (
	maxLease       = 7 * 24 * 3_600_000
	clockTolerance = 5 * 60_000
)

// Why a host refuses, and the HRESULT that it signs with it: a code with another one reads as "refused".
var refusals = map[string]int64{
	"vm-refused":                0xC004FD04,
	"throttled":                 0xC004FD00,
	"certificate-not-yet-valid": 0xC004FD02,
	"certificate-expired":       0xC004FD02,
	"host-revoked":              0xC004FD02,
	"product-unknown":           0xC004FD03,
	"product-mismatch":          0xC004FD03,
	"product-not-served":        0xC004FD03,
	"vendor-mismatch":           0xC004FD02,
	"host-not-datacenter":       0xC004FD02,
	"version-too-old":           0xC004FD03,
	"version-too-new":           0xC004FD03,
	"license-missing":           0xC004FD02,
	"license-untrusted":         0xC004FD02,
	"license-revoked":           0xC004FD02,
	"license-product-mismatch":  0xC004FD02,
	"license-customer-mismatch": 0xC004FD02,
	"license-host-mismatch":     0xC004FD02,
	"license-site-mismatch":     0xC004FD02,
	"license-not-yet-valid":     0xC004FD02,
	"license-expired":           0xC004FD02,
	"license-limit-reached":     0xC004FD04,
	"vm-cloned":                 0xC004FD04,
	"exchange-reused":           0x8007000D,
	"refused":                   0xC004FD04,
}

// openCertificate is V4: a root signed the certificate, and is the one that it names.
func openCertificate(envelope object, known trust) (object, bool) {
	signature := firstSignature(envelope)
	for _, root := range known.roots {
		if textOf(signature, "keyid") != keyID(root) || !holds(envelope, signature, "host-certificate", root) {
			continue
		}
		certificate, ok := payloadOf(envelope, isCertificate)
		if ok && textOf(certificate, "vendorKey") == root && datesInOrder(certificate) {
			return certificate, true
		}
	}
	return nil, false
}

func datesInOrder(from object) bool {
	notAfter := numberOf(from, "notAfter")
	return numberOf(from, "notBefore") < notAfter && notAfter <= numberOf(from, "graceUntil")
}

// openAnswer is V6: the certified host signed the answer. It gives the reason if not.
func openAnswer(envelope, certificate object) (object, string) {
	if !holds(envelope, firstSignature(envelope), "answer", textOf(certificate, "signingKey")) {
		return nil, "signature-invalid"
	}
	answer, ok := payloadOf(envelope, isAnswer)
	if !ok {
		return nil, "response-malformed"
	}
	next := 0
	for _, noted := range textsOf(answer, "conditions") {
		for next < len(conditions) && conditions[next] != noted {
			next++
		}
		if next == len(conditions) {
			return nil, "response-malformed"
		}
		next++
	}
	return answer, ""
}

// openLicense gives the license, or the reason if it is not the one that the answer names, or no root signed it.
func openLicense(envelope, answer object, known trust) (object, string) {
	license, ok := openVendorSigned(envelope, "license", isLicense)
	if !ok || !distinct(textsOf(license, "hosts")) || !distinct(textsOf(license, "sites")) ||
		!distinct(featureNames(license)) || !datesInOrder(license) || digestOf(envelope) != answer["license"] {
		return nil, "license-invalid"
	}
	if !contains(known.roots, vendorKey(license)) {
		return nil, "license-untrusted"
	}
	return license, ""
}

func featureNames(license object) []string {
	names := []string{}
	for _, feature := range listOf(license, "features") {
		names = append(names, textOf(feature.(object), "name"))
	}
	return names
}

// decide gives the reason of the first rule that is broken, or nothing.
func decide(signed object, asked wanted, known trust, listed object) string {
	certificate, ok := openCertificate(signed["certificate"].(object), known) // V4
	if !ok {
		return "certificate-untrusted"
	}
	if isRevoked(listed, "hosts", "avma host serial\n"+textOf(certificate, "serial")+"\n") { // V5
		return "host-revoked"
	}
	answer, reason := openAnswer(signed["answer"].(object), certificate) // V6
	if reason != "" {
		return reason
	}
	if asked.nonce != "" && answer["nonce"] != asked.nonce { // V8
		return "nonce-mismatch"
	}
	if answer["hostName"] != certificate["hostName"] || answer["hardwareId"] != certificate["hardwareId"] { // V9
		return "host-mismatch"
	}
	if answer["vmId"] != asked.vmID { // V10
		return "vm-mismatch"
	}
	if answer["activationId"] != asked.product { // V11
		return "edition-mismatch"
	}
	if reason := decideLease(answer, certificate); reason != "" { // V12, V13, V16
		return reason
	}
	license, reason := decideLicense(signed["license"], answer, certificate, asked, known, listed) // V17
	if reason != "" {
		return reason
	}
	if numberOf(answer, "issuedAt") > asked.now+clockTolerance {
		return "clock-behind"
	}
	if asked.now >= numberOf(answer, "expiresAt") {
		return "lease-expired"
	}
	for _, feature := range asked.features {
		if !isGranted(license, feature) {
			return "feature-missing"
		}
	}
	return ""
}

func decideLease(answer, certificate object) string {
	if textOf(answer, "decision") == "refused" {
		refusal, _ := answer["refusal"].(object)
		code, _ := refusal["code"].(string)
		if hresult, known := refusals[code]; known && hresult == numberOf(answer, "hresult") {
			return code
		}
		return "refused"
	}
	if numberOf(answer, "hresult") != 0 || answer["refusal"] != nil {
		return "lease-invalid"
	}
	issued, expires, renew := numberOf(answer, "issuedAt"), numberOf(answer, "expiresAt"), numberOf(answer, "renewAfter")
	if issued < numberOf(certificate, "notBefore") {
		return "certificate-not-yet-valid"
	}
	if issued >= numberOf(certificate, "graceUntil") {
		return "certificate-expired"
	}
	if issued >= numberOf(certificate, "notAfter") != isNoted(answer, "certificate-in-grace") ||
		expires <= issued || expires-issued > maxLease || expires > numberOf(certificate, "graceUntil") ||
		renew < issued || renew > expires {
		return "lease-invalid"
	}
	return ""
}

func isNoted(answer object, condition string) bool {
	return contains(textsOf(answer, "conditions"), condition)
}

// decideLicense gives the license that the answer names, if it counts for this product on that host at that time.
func decideLicense(value any, answer, certificate object, asked wanted, known trust, listed object) (object, string) {
	envelope, there := value.(object)
	if answer["license"] == nil {
		switch {
		case there:
			return nil, "license-invalid"
		case !asked.licenseOptional:
			return nil, "license-missing"
		case isNoted(answer, "license-in-grace") || isNoted(answer, "over-limit"):
			return nil, "lease-invalid"
		}
		return nil, ""
	}
	if !there {
		return nil, "license-missing"
	}
	license, reason := openLicense(envelope, answer, known)
	if reason != "" {
		return nil, reason
	}
	at, graceUntil := numberOf(answer, "issuedAt"), numberOf(license, "graceUntil")
	site := textOrNil(certificate, "site")
	hosts, sites := textsOf(license, "hosts"), textsOf(license, "sites")
	switch {
	case isRevoked(listed, "licenses", "avma license\n"+textOf(license, "licenseId")+"\n"):
		return nil, "license-revoked"
	case textOf(license["product"].(object), "activationId") != asked.product:
		return nil, "license-product-mismatch"
	case certificate["customer"] != nil && certificate["customer"] != license["customer"]:
		return nil, "license-customer-mismatch"
	case len(hosts) > 0 && !contains(hosts, textOf(certificate, "hardwareId")):
		return nil, "license-host-mismatch"
	case len(sites) > 0 && (site == nil || !contains(sites, *site)):
		return nil, "license-site-mismatch"
	case at < numberOf(license, "notBefore"):
		return nil, "license-not-yet-valid"
	case at >= graceUntil:
		return nil, "license-expired"
	case at >= numberOf(license, "notAfter") != isNoted(answer, "license-in-grace"),
		numberOf(answer, "expiresAt") > graceUntil:
		return nil, "lease-invalid"
	}
	return license, ""
}

func isGranted(license object, asked Feature) bool {
	if license == nil {
		return false
	}
	for _, feature := range featuresOf(license) {
		if feature.Name == asked.Name {
			return asked.Value == nil || feature.Value != nil && *feature.Value >= *asked.Value
		}
	}
	return false
}

func featuresOf(license object) []Feature {
	features := []Feature{}
	for _, value := range listOf(license, "features") {
		feature := value.(object)
		features = append(features, Feature{Name: textOf(feature, "name"), Value: numberOrNil(feature, "value")})
	}
	return features
}

// claimsOf gives what the signatures say, or nil unless all of them hold.
func claimsOf(signed object, known trust, listed object) *Claims {
	certificate, ok := openCertificate(signed["certificate"].(object), known)
	if !ok {
		return nil
	}
	answer, reason := openAnswer(signed["answer"].(object), certificate)
	if reason != "" {
		return nil
	}
	claims := &Claims{
		VMID:       textOf(answer, "vmId"),
		Product:    textOf(answer, "activationId"),
		Nonce:      textOrNil(answer, "nonce"),
		IssuedAt:   numberOf(answer, "issuedAt"),
		GuestClock: numberOf(answer, "guestClock"),
		ExpiresAt:  numberOf(answer, "expiresAt"),
		Conditions: textsOf(answer, "conditions"),
		Host: Host{
			Name:       textOf(certificate, "hostName"),
			HardwareID: textOf(certificate, "hardwareId"),
			Serial:     textOf(certificate, "serial"),
			Customer:   textOrNil(certificate, "customer"),
			Site:       textOrNil(certificate, "site"),
			NotAfter:   numberOf(certificate, "notAfter"),
			GraceUntil: numberOf(certificate, "graceUntil"),
		},
		Root:         keyID(textOf(certificate, "vendorKey")),
		TrustVersion: known.version,
	}
	if listed != nil {
		claims.Revocations = numberOrNil(listed, "sequence")
	}
	if envelope, there := signed["license"].(object); there {
		license, reason := openLicense(envelope, answer, known)
		if reason != "" {
			return nil
		}
		claims.License = &License{
			LicenseID:   textOf(license, "licenseId"),
			Customer:    textOf(license, "customer"),
			ProductName: textOf(license["product"].(object), "name"),
			Features:    featuresOf(license),
			Guests:      numberOrNil(license, "guests"),
			Overage:     textOf(license, "overage"),
			NotBefore:   numberOf(license, "notBefore"),
			NotAfter:    numberOf(license, "notAfter"),
			GraceUntil:  numberOf(license, "graceUntil"),
		}
	}
	return claims
}
