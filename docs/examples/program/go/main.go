// A vendor's program that asks whether it is licensed, with the vendor's root in it: gateway [--fresh] [FEATURE]...
//
// --fresh asks the host now, by way of avma guest attest, and not the evidence of the last activation. avmaverify.go, from
// verifiers/go, lies in the folder avmaverify.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"example.com/gateway/avmaverify"
)

// The member publicKey of your root.pub.json, or the whole file.
const root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
const product = "3f0b9c3e-6d0f-4c3b-9a53-0a5d6d1c2e11"

// Only root can read it. Others take the VM ID from license.json.
const vmIDFile = "/sys/class/dmi/id/product_uuid"

type licenseFile struct {
	VMID struct {
		Value string `json:"value"`
	} `json:"vmId"`
	Vendors []struct {
		TrustUpdates []json.RawMessage `json:"trustUpdates"`
		Revocations  json.RawMessage   `json:"revocations"`
	} `json:"vendors"`
	Products []struct {
		ActivationID string          `json:"activationId"`
		Evidence     json.RawMessage `json:"evidence"`
	} `json:"products"`
}

func main() {
	options := avmaverify.Options{Roots: []string{root}, Product: product, Now: time.Now()}
	for _, word := range os.Args[1:] {
		if word == "--fresh" {
			options.Nonce = newNonce()
		} else {
			options.Features = append(options.Features, word)
		}
	}
	license, err := readLicenseFile()
	if err != nil {
		deny("no evidence: " + err.Error())
	}
	evidence, err := findEvidence(license, options.Nonce)
	if err != nil {
		deny("no evidence: " + err.Error())
	}
	options.VMID = vmID(license.VMID.Value)
	for _, vendor := range license.Vendors {
		for _, update := range vendor.TrustUpdates {
			options.TrustUpdates = append(options.TrustUpdates, update)
		}
		options.Revocations = append(options.Revocations, vendor.Revocations)
	}
	result := avmaverify.Verify(evidence, options)
	if !result.Valid {
		deny(result.Reason)
	}
	allow(result.Claims)
}

func newNonce() string {
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		deny(err.Error())
	}
	return hex.EncodeToString(nonce)
}

func readLicenseFile() (license licenseFile, err error) {
	folder, set := os.LookupEnv("AVMA_RUN_DIR")
	if !set {
		folder = "/run/avma"
	}
	text, err := os.ReadFile(filepath.Join(folder, "license.json"))
	if err == nil {
		err = json.Unmarshal(text, &license)
	}
	return license, err
}

func findEvidence(license licenseFile, nonce string) ([]byte, error) {
	if nonce != "" {
		return exec.Command("avma", "guest", "attest", product, "--nonce", nonce).Output()
	}
	for _, one := range license.Products {
		if one.ActivationID == product && string(one.Evidence) != "null" {
			return one.Evidence, nil
		}
	}
	deny("not activated")
	return nil, nil
}

func vmID(published string) string {
	text, err := os.ReadFile(vmIDFile)
	if err != nil {
		return published
	}
	return strings.TrimSpace(string(text))
}

func allow(claims *avmaverify.Claims) {
	granted := []string{}
	for _, feature := range claims.License.Features {
		if feature.Value == nil {
			granted = append(granted, feature.Name)
		} else {
			granted = append(granted, fmt.Sprintf("%s=%d", feature.Name, *feature.Value))
		}
	}
	sort.Strings(granted)
	until := time.UnixMilli(claims.License.NotAfter).UTC().Format("2006-01-02")
	fmt.Printf("yes: licensed to %s until %s, with %s\n", claims.License.Customer, until, strings.Join(granted, ", "))
	if len(claims.Conditions) > 0 {
		fmt.Printf("note: %s\n", strings.Join(claims.Conditions, ", "))
	}
}

func deny(why string) {
	fmt.Println("no: " + why)
	os.Exit(1)
}
