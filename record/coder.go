package record

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// coder compresses payloads.
type coder struct{ enc *zstd.Encoder }

// encoderOptions ask for one goroutine: watching must not become the load. The frames have
// checksums of their own. What records repeat they repeat nearby: a larger window takes more
// memory, here and where it is read, and compresses them no better.
var encoderOptions = []zstd.EOption{
	zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false), zstd.WithWindowSize(512 << 10),
}

func newCoder() *coder {
	// These options are right, so there is no error.
	enc, err := zstd.NewWriter(nil, encoderOptions...)
	if err != nil {
		panic(err)
	}
	return &coder{enc}
}

// compressDocument compresses a document as it is written, so that it need not be in memory.
// The encoder is given up with it: there is a whole document only now and then.
func compressDocument(doc *sampleLines) ([]byte, error) {
	var b bytes.Buffer
	enc, err := zstd.NewWriter(nil, encoderOptions...)
	if err != nil {
		return nil, err
	}
	enc.ResetContentSize(&b, doc.sum.size)
	w := bufio.NewWriterSize(enc, 64<<10)
	err = cmp.Or(doc.writeTo(w), w.Flush(), enc.Close())
	return b.Bytes(), err
}

func (z *coder) compress(p []byte) []byte { return z.enc.EncodeAll(p, nil) }

// decoder decompresses payloads, as far as they keep to a bound.
type decoder struct {
	dec  *zstd.Decoder
	most bound
}

func newDecoder(most bound) *decoder {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(most.max)))
	if err != nil {
		panic(err) // these options are right, too
	}
	return &decoder{dec, most}
}

func (z *decoder) decompress(p []byte) ([]byte, error) {
	b, err := z.dec.DecodeAll(p, nil)
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, z.most.err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return b, nil
}
