package fax

import (
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
)

// packed packs codes of zeros and ones.
func packed(codes string) []byte {
	var out []byte
	n := 0
	for _, c := range codes {
		if c == ' ' {
			continue
		}
		if n%8 == 0 {
			out = append(out, 0)
		}
		if c == '1' {
			out[n/8] |= 0x80 >> (n % 8)
		}
		n++
	}
	return out
}

// TestSchemes has rows of four white and four black pixels, then one shifted by one;
// the codes are those of T.4.
func TestSchemes(t *testing.T) {
	t.Parallel()
	const eol, four, five = "000000000001", "1011 011", "1100 10"
	for name, c := range map[string]struct {
		scheme Scheme
		codes  string
	}{
		"Modified Huffman":          {ModifiedHuffman, four + "0" + five},
		"Group 3":                   {Group3, eol + four + eol + five},
		"Group 3, fill":             {Group3, "0000" + eol + four + "00000" + eol + five},
		"Group 3, no end of lines":  {Group3, four + five},
		"Group 3 in two dimensions": {Group3TwoD, eol + "1" + four + eol + "0" + "011 1"},
		"Group 4":                   {Group4, "001" + four + "011 1"},
	} {
		r := NewTables().NewReader(packed(c.codes), c.scheme, 8)
		for y, want := range []byte{0x0f, 0x07} {
			row := []byte{0xaa}
			if err := r.ReadRow(row); err != nil || row[0] != want {
				t.Errorf("%s, row %d: %08b, %v", name, y, row[0], err)
			}
		}
		if err := r.ReadRow([]byte{0}); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errCode) {
			t.Errorf("%s: a row too many: %v", name, err)
		}
	}
}

// TestTablesArePrefixFree checks that no two codes of a table overlap.
func TestTablesArePrefixFree(t *testing.T) {
	t.Parallel()
	tables := NewTables()
	for i, table := range []*table{tables.runs[0], tables.runs[1], tables.modes} {
		seen, size := map[uint16]int{}, map[uint16]int{}
		for _, c := range table {
			if c.length > 0 {
				seen[c.value]++
				size[c.value] = 1 << (longest - c.length)
			}
		}
		want := []int{104, 104, 9}[i]
		if len(seen) != want {
			t.Errorf("table %d has %d codes, want %d", i, len(seen), want)
		}
		for value, count := range seen {
			if count != size[value] {
				t.Errorf("table %d: code of %d overlaps another", i, value)
			}
		}
	}
}

// FuzzReader checks that any bytes end in rows or an error.
func FuzzReader(f *testing.F) {
	f.Add(packed("001 1011 011 011 1"), 3, 8)
	f.Add(packed("000000000001 1 1011 011"), 2, 8)
	f.Fuzz(func(t *testing.T, data []byte, scheme, width int) {
		if width < 1 || width > 4096 {
			return
		}
		r := NewTables().NewReader(data, Scheme(scheme&3), width)
		row := make([]byte, (width+7)/8)
		for range 100 {
			if r.ReadRow(row) != nil {
				return
			}
			if last := len(r.changes) - 1; !slices.IsSorted(r.changes) || last >= 0 && r.changes[last] > width {
				t.Fatalf("changes %v", r.changes)
			}
		}
	})
}

func TestGarbage(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	tables := NewTables()
	for range 2000 {
		data := make([]byte, random.IntN(64))
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		r := tables.NewReader(data, Scheme(random.IntN(4)), 1+random.IntN(100))
		for y := 0; r.ReadRow(make([]byte, 13)) == nil; y++ {
			if y > 1000 {
				t.Fatal("rows without end")
			}
		}
	}
}
