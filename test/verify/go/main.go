// Runs the Go verifier for the tests: one question a line, {"evidence", "options"}, one answer a line.
//
// Text as evidence is given as its characters, everything else as its JSON.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"
	"time"

	"example.com/avmaverify"
)

type question struct {
	Evidence json.RawMessage
	Options  struct {
		Roots          []json.RawMessage
		VMID           string `json:"vmId"`
		Product        string
		Now            int64
		Features       []string
		TrustUpdates   []json.RawMessage
		Revocations    []json.RawMessage
		Nonce          string
		RequireLicense *bool
	}
}

// text is the characters of a JSON string, or the JSON itself.
func text(value json.RawMessage) []byte {
	var characters string
	if json.Unmarshal(value, &characters) == nil && value[0] == '"' {
		return []byte(characters)
	}
	return value
}

func texts(values []json.RawMessage) [][]byte {
	all := [][]byte{}
	for _, value := range values {
		all = append(all, text(value))
	}
	return all
}

func main() {
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	output := json.NewEncoder(os.Stdout)
	for {
		line, err := input.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked question
		if err := json.Unmarshal(line, &asked); err != nil {
			log.Fatal(err)
		}
		options := avmaverify.Options{
			VMID:            asked.Options.VMID,
			Product:         asked.Options.Product,
			Now:             time.UnixMilli(asked.Options.Now),
			Features:        asked.Options.Features,
			TrustUpdates:    texts(asked.Options.TrustUpdates),
			Revocations:     texts(asked.Options.Revocations),
			Nonce:           asked.Options.Nonce,
			LicenseOptional: asked.Options.RequireLicense != nil && !*asked.Options.RequireLicense,
		}
		for _, root := range asked.Options.Roots {
			options.Roots = append(options.Roots, string(text(root)))
		}
		result := avmaverify.Verify(text(asked.Evidence), options)
		answer := map[string]any{"valid": result.Valid, "reason": nil, "claims": result.Claims}
		if result.Reason != "" {
			answer["reason"] = result.Reason
		}
		if err := output.Encode(answer); err != nil {
			log.Fatal(err)
		}
	}
}
