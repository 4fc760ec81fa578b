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

// encoderOptions ask for one goroutine, because watching must not load the machine. The frames
// have checksums of their own. Records repeat text that is nearby: a larger window would need
// more memory for writing and reading, and would not compress better.
var encoderOptions = []zstd.EOption{
	zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false), zstd.WithWindowSize(512 << 10),
}

func newCoder() *coder {
	// The options are valid, so there is no error.
	enc, err := zstd.NewWriter(nil, encoderOptions...)
	if err != nil {
		panic(err)
	}
	return &coder{enc}
}

// compressDocument compresses a document while it is written, so that it need not be in memory.
// The encoder is not kept: a whole document is written only now and then.
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

// decoder decompresses payloads that are within a bound.
type decoder struct {
	dec  *zstd.Decoder
	most bound
}

func newDecoder(most bound) *decoder {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(most.max)))
	if err != nil {
		panic(err) // the options are valid, too
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
