package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// generate writes a sample file, always the same for the same number of rows. It
// replaces none that is there.
func generate(name string, rows int) (err error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("-file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := csv.NewWriter(file)
	_ = out.Write(columns()) // Error has it
	begin := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	for i := range rows {
		_ = out.Write([]string{
			strconv.Itoa(i + 1),
			fmt.Sprintf(`Smith, "%d" & Sons`, i*7919%1000),
			fmt.Sprintf("%d.%02d", i*31%500, i%100),
			begin.AddDate(0, 0, i%365).Format(time.DateOnly),
		})
	}
	out.Flush()
	return out.Error()
}
