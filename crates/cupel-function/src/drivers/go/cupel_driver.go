// Cupel's driver: reads the arguments, calls the submission, and writes the result to descriptor 3. Values are read and
// written according to their Go types; cupel_call.go contains the calls. Standard input: a line with the nonce, a line
// with the signature, then the values. With the argument --cupel-batch: a line with the signature, then the tests, each
// of which arrives after the answer to the previous one; see batch.rs.

package main

// The submission is in the same package, where it may declare any name that does not begin with `cupel`.
import (
	cupelbytes "bytes"
	cupelfmt "fmt"
	cupelio "io"
	cupelmath "math"
	cupelos "os"
	cupelreflect "reflect"
	cupelruntime "runtime"
	cupelsort "sort"
	cupelstrconv "strconv"
	cupelstrings "strings"
	cupelsyscall "syscall"
	cupelutf8 "unicode/utf8"
)

const cupelNodesMax = 1_000_000

// cupelWrong is the reason why a result is not a value of the declared type.
type cupelWrong string

type cupelReader struct {
	data []byte
	at   int
}

func (in *cupelReader) line() string {
	end := in.at + cupelbytes.IndexByte(in.data[in.at:], '\n')
	line := string(in.data[in.at:end])
	in.at = end + 1
	return line
}

func (in *cupelReader) word() string {
	for in.data[in.at] == ' ' || in.data[in.at] == '\n' {
		in.at++
	}
	begin := in.at
	for in.data[in.at] != ' ' && in.data[in.at] != '\n' {
		in.at++
	}
	return string(in.data[begin:in.at])
}

func (in *cupelReader) integer() int64 {
	n, _ := cupelstrconv.ParseInt(in.word(), 10, 64)
	return n
}

func (in *cupelReader) text() string {
	length := int(in.integer())
	text := string(in.data[in.at+1 : in.at+1+length])
	in.at += 1 + length
	return text
}

func cupelIsNode(kind cupelreflect.Type, name string) bool {
	return kind.Kind() == cupelreflect.Pointer && cupelstrings.HasPrefix(kind.Elem().Name(), name+"[")
}

func cupelRead[T any](in *cupelReader) T {
	var value T
	in.into(cupelreflect.ValueOf(&value).Elem())
	return value
}

func (in *cupelReader) into(to cupelreflect.Value) {
	kind := to.Type()
	switch kind.Kind() {
	case cupelreflect.Int, cupelreflect.Int32:
		to.SetInt(in.integer())
	case cupelreflect.Float64:
		x, _ := cupelstrconv.ParseFloat(in.word(), 64)
		to.SetFloat(x)
	case cupelreflect.Bool:
		to.SetBool(in.integer() == 1)
	case cupelreflect.Uint8:
		to.SetUint(uint64(in.text()[0]))
	case cupelreflect.String:
		to.SetString(in.text())
	case cupelreflect.Slice:
		count := int(in.integer())
		to.Set(cupelreflect.MakeSlice(kind, count, count))
		for i := 0; i < count; i++ {
			in.into(to.Index(i))
		}
	case cupelreflect.Map:
		to.Set(cupelreflect.MakeMap(kind))
		for left := in.integer(); left > 0; left-- {
			key := in.text()
			item := cupelreflect.New(kind.Elem()).Elem()
			in.into(item)
			to.SetMapIndex(cupelreflect.ValueOf(key), item)
		}
	case cupelreflect.Pointer:
		switch {
		case cupelIsNode(kind, "ListNode"):
			for left := in.integer(); left > 0; left-- {
				to.Set(cupelreflect.New(kind.Elem()))
				in.into(to.Elem().Field(0))
				to = to.Elem().Field(1)
			}
		case cupelIsNode(kind, "TreeNode"):
			var parents []cupelreflect.Value
			count := int(in.integer())
			for i := 0; i < count; i++ {
				if in.integer() == 0 {
					continue
				}
				node := cupelreflect.New(kind.Elem())
				in.into(node.Elem().Field(0))
				parents = append(parents, node)
				if i == 0 {
					to.Set(node)
				} else {
					parents[(i-1)/2].Elem().Field(1 + (i-1)%2).Set(node)
				}
			}
		case in.integer() == 1:
			to.Set(cupelreflect.New(kind.Elem()))
			in.into(to.Elem())
		}
	}
}

type cupelWriter struct{ out cupelbytes.Buffer }

func cupelWrite[T any](to *cupelWriter, value T) { to.value(cupelreflect.ValueOf(&value).Elem()) }

func (to *cupelWriter) text(text string) {
	if !cupelutf8.ValidString(text) {
		panic(cupelWrong("a string of the result is not UTF-8"))
	}
	cupelfmt.Fprintf(&to.out, "%d\n%s\n", len(text), text)
}

func (to *cupelWriter) count(n int) {
	to.out.WriteString(cupelstrconv.Itoa(n))
	to.out.WriteByte('\n')
}

func (to *cupelWriter) value(value cupelreflect.Value) {
	kind := value.Type()
	switch kind.Kind() {
	case cupelreflect.Int, cupelreflect.Int32:
		to.out.WriteString(cupelstrconv.FormatInt(value.Int(), 10))
		to.out.WriteByte('\n')
	case cupelreflect.Float64:
		x := value.Float()
		switch {
		case cupelmath.IsInf(x, 1):
			to.out.WriteString("inf\n")
		case cupelmath.IsInf(x, -1):
			to.out.WriteString("-inf\n")
		case cupelmath.IsNaN(x):
			to.out.WriteString("nan\n")
		default:
			cupelfmt.Fprintf(&to.out, "%s\n", cupelstrconv.FormatFloat(x, 'g', -1, 64))
		}
	case cupelreflect.Bool:
		if value.Bool() {
			to.count(1)
		} else {
			to.count(0)
		}
	case cupelreflect.Uint8:
		if value.Uint() > 0x7f {
			panic(cupelWrong("a char of the result is not ASCII"))
		}
		to.text(string([]byte{byte(value.Uint())}))
	case cupelreflect.String:
		to.text(value.String())
	case cupelreflect.Slice:
		to.count(value.Len())
		for i := 0; i < value.Len(); i++ {
			to.value(value.Index(i))
		}
	case cupelreflect.Map:
		to.count(value.Len())
		keys := value.MapKeys()
		cupelsort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
		for _, key := range keys {
			to.text(key.String())
			item := cupelreflect.New(kind.Elem()).Elem()
			item.Set(value.MapIndex(key))
			to.value(item)
		}
	case cupelreflect.Pointer:
		switch {
		case cupelIsNode(kind, "ListNode"):
			var nodes []cupelreflect.Value
			for ; !value.IsNil(); value = value.Elem().Field(1) {
				nodes = append(nodes, value)
				if len(nodes) > cupelNodesMax {
					panic(cupelTooMany(nodes, "", "a list of the result is too long"))
				}
			}
			to.count(len(nodes))
			for _, node := range nodes {
				to.value(node.Elem().Field(0))
			}
		case cupelIsNode(kind, "TreeNode"):
			places, nodes := []cupelreflect.Value{value}, 0
			for i := 0; i < len(places); i++ {
				if places[i].IsNil() {
					continue
				}
				if nodes++; nodes > cupelNodesMax {
					panic(cupelTooMany(places, ", or a node with two parents", "a tree of the result is too large"))
				}
				places = append(places, places[i].Elem().Field(1), places[i].Elem().Field(2))
			}
			for len(places) > 0 && places[len(places)-1].IsNil() {
				places = places[:len(places)-1]
			}
			to.count(len(places))
			for _, place := range places {
				if place.IsNil() {
					to.count(0)
				} else {
					to.count(1)
					to.value(place.Elem().Field(0))
				}
			}
		case value.IsNil():
			to.count(0)
		default:
			to.count(1)
			to.value(value.Elem())
		}
	}
}

// cupelTooMany is the reason for refusing more nodes than a list or a tree may have, which may be the same nodes again
// and again.
func cupelTooMany(places []cupelreflect.Value, orElse, tooLarge string) cupelWrong {
	seen := map[uintptr]bool{}
	for _, place := range places {
		if seen[place.Pointer()] && !place.IsNil() {
			return cupelWrong("the result has a cycle" + orElse)
		}
		seen[place.Pointer()] = true
	}
	return cupelWrong(cupelfmt.Sprintf("%s: more than %d nodes", tooLarge, cupelNodesMax))
}

// cupelFail reports a panic with the stack frames of the submission only.
func cupelFail(why any) {
	if err, ok := why.(error); ok {
		why = err.Error()
	}
	cupelfmt.Fprintf(cupelos.Stderr, "panic: %v\n\n", why)
	callers := make([]uintptr, 100)
	frames := cupelruntime.CallersFrames(callers[:cupelruntime.Callers(2, callers)])
	for {
		frame, more := frames.Next()
		name := frame.File[cupelstrings.LastIndexByte(frame.File, '/')+1:]
		if frame.Function == "main.cupelCall" {
			break
		}
		if cupelstrings.HasPrefix(frame.Function, "main.") && !cupelstrings.HasPrefix(name, "cupel_") {
			cupelfmt.Fprintf(cupelos.Stderr, "%s()\n\t%s:%d\n", frame.Function, frame.File, frame.Line)
		}
		if !more {
			break
		}
	}
	cupelos.Exit(2)
}

// cupelBatch calls the submission for one test after another. The input contains at most one unanswered test.
func cupelBatch(nonce *string, send func(string, []byte)) {
	// Standard input is empty for the submission, as it is for a single test.
	from, err := cupelsyscall.Dup(0)
	nothing, err2 := cupelsyscall.Open("/dev/null", cupelsyscall.O_RDONLY, 0)
	if err != nil || err2 != nil || cupelsyscall.Dup3(nothing, 0, 0) != nil {
		cupelos.Exit(1)
	}
	cupelsyscall.Close(nothing)
	in := &cupelReader{}
	chunk := make([]byte, 1<<16)
	receive := func() bool {
		n, err := cupelsyscall.Read(from, chunk)
		for err == cupelsyscall.EINTR {
			n, err = cupelsyscall.Read(from, chunk)
		}
		if n > 0 {
			in.data = append(in.data, chunk[:n]...)
		}
		return n > 0
	}
	line := func() string {
		for cupelbytes.IndexByte(in.data[in.at:], '\n') < 0 {
			if !receive() {
				cupelos.Exit(0)
			}
		}
		return in.line()
	}
	line()
	for isFirst := true; ; isFirst = false {
		word, rest, _ := cupelstrings.Cut(line(), " ")
		*nonce = word
		length, _ := cupelstrconv.Atoi(rest)
		for len(in.data)-in.at < length && receive() {
		}
		if isFirst {
			send(" ready\n", nil)
		}
		to := &cupelWriter{}
		cupelCall(in, to)
		send(" ok "+cupelstrconv.Itoa(to.out.Len())+"\n", to.out.Bytes())
		in.data, in.at = in.data[:0], 0
	}
}

func main() {
	channel := cupelos.NewFile(3, "result")
	var nonce string
	send := func(status string, rest []byte) {
		channel.Write(append([]byte(nonce+status), rest...))
	}
	defer func() {
		why := recover()
		if wrong, ok := why.(cupelWrong); ok {
			send(" wrong\n", []byte(wrong))
			cupelos.Exit(0)
		}
		cupelFail(why)
	}()
	if len(cupelos.Args) == 2 && cupelos.Args[1] == "--cupel-batch" {
		cupelBatch(&nonce, send)
	}
	data, _ := cupelio.ReadAll(cupelos.Stdin)
	in := &cupelReader{data: data}
	nonce = in.line()
	in.line()
	to := &cupelWriter{}
	cupelCall(in, to)
	send(" ok\n", to.out.Bytes())
	cupelos.Exit(0)
}
