package record

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// coder compresses payloads.
type coder struct{ enc *zstd.Encoder }

func newCoder() *coder {
	// One goroutine: watching must not become the load. These options are right, so
	// there is no error. The frames have checksums of their own.
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err)
	}
	return &coder{enc}
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
