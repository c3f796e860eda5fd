// Cupel's driver: reads the arguments, calls the submission, and writes the result to descriptor 3. Values are read and
// written according to their Go types; cupel_call.go contains the calls. Standard input: a line with the nonce, a line
// with the signature, then the values. With the argument --cupel-batch: a line with the signature, then the tests, each
// of which arrives after the answer to the previous one; see batch.rs.

package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"
)

// ListNode is a node of a linked list.
type ListNode[T any] struct {
	Val  T
	Next *ListNode[T]
}

// TreeNode is a node of a binary tree.
type TreeNode[T any] struct {
	Val         T
	Left, Right *TreeNode[T]
}

const cupelNodesMax = 1_000_000

// cupelWrong is the reason why a result is not a value of the declared type.
type cupelWrong string

type cupelReader struct {
	data []byte
	at   int
}

func (in *cupelReader) line() string {
	end := in.at + bytes.IndexByte(in.data[in.at:], '\n')
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
	n, _ := strconv.ParseInt(in.word(), 10, 64)
	return n
}

func (in *cupelReader) text() string {
	length := int(in.integer())
	text := string(in.data[in.at+1 : in.at+1+length])
	in.at += 1 + length
	return text
}

func cupelIsNode(kind reflect.Type, name string) bool {
	return kind.Kind() == reflect.Pointer && strings.HasPrefix(kind.Elem().Name(), name+"[")
}

func cupelRead[T any](in *cupelReader) T {
	var value T
	in.into(reflect.ValueOf(&value).Elem())
	return value
}

func (in *cupelReader) into(to reflect.Value) {
	kind := to.Type()
	switch kind.Kind() {
	case reflect.Int, reflect.Int32:
		to.SetInt(in.integer())
	case reflect.Float64:
		x, _ := strconv.ParseFloat(in.word(), 64)
		to.SetFloat(x)
	case reflect.Bool:
		to.SetBool(in.integer() == 1)
	case reflect.Uint8:
		to.SetUint(uint64(in.text()[0]))
	case reflect.String:
		to.SetString(in.text())
	case reflect.Slice:
		count := int(in.integer())
		to.Set(reflect.MakeSlice(kind, count, count))
		for i := 0; i < count; i++ {
			in.into(to.Index(i))
		}
	case reflect.Map:
		to.Set(reflect.MakeMap(kind))
		for left := in.integer(); left > 0; left-- {
			key := in.text()
			item := reflect.New(kind.Elem()).Elem()
			in.into(item)
			to.SetMapIndex(reflect.ValueOf(key), item)
		}
	case reflect.Pointer:
		switch {
		case cupelIsNode(kind, "ListNode"):
			for left := in.integer(); left > 0; left-- {
				to.Set(reflect.New(kind.Elem()))
				in.into(to.Elem().Field(0))
				to = to.Elem().Field(1)
			}
		case cupelIsNode(kind, "TreeNode"):
			var parents []reflect.Value
			count := int(in.integer())
			for i := 0; i < count; i++ {
				if in.integer() == 0 {
					continue
				}
				node := reflect.New(kind.Elem())
				in.into(node.Elem().Field(0))
				parents = append(parents, node)
				if i == 0 {
					to.Set(node)
				} else {
					parents[(i-1)/2].Elem().Field(1 + (i-1)%2).Set(node)
				}
			}
		case in.integer() == 1:
			to.Set(reflect.New(kind.Elem()))
			in.into(to.Elem())
		}
	}
}

type cupelWriter struct{ out bytes.Buffer }

func cupelWrite[T any](to *cupelWriter, value T) { to.value(reflect.ValueOf(&value).Elem()) }

func (to *cupelWriter) text(text string) {
	if !utf8.ValidString(text) {
		panic(cupelWrong("a string of the result is not UTF-8"))
	}
	fmt.Fprintf(&to.out, "%d\n%s\n", len(text), text)
}

func (to *cupelWriter) count(n int) {
	to.out.WriteString(strconv.Itoa(n))
	to.out.WriteByte('\n')
}

func (to *cupelWriter) value(value reflect.Value) {
	kind := value.Type()
	switch kind.Kind() {
	case reflect.Int, reflect.Int32:
		to.out.WriteString(strconv.FormatInt(value.Int(), 10))
		to.out.WriteByte('\n')
	case reflect.Float64:
		x := value.Float()
		switch {
		case math.IsInf(x, 1):
			to.out.WriteString("inf\n")
		case math.IsInf(x, -1):
			to.out.WriteString("-inf\n")
		case math.IsNaN(x):
			to.out.WriteString("nan\n")
		default:
			fmt.Fprintf(&to.out, "%s\n", strconv.FormatFloat(x, 'g', -1, 64))
		}
	case reflect.Bool:
		if value.Bool() {
			to.count(1)
		} else {
			to.count(0)
		}
	case reflect.Uint8:
		to.text(string([]byte{byte(value.Uint())}))
	case reflect.String:
		to.text(value.String())
	case reflect.Slice:
		to.count(value.Len())
		for i := 0; i < value.Len(); i++ {
			to.value(value.Index(i))
		}
	case reflect.Map:
		to.count(value.Len())
		keys := value.MapKeys()
		sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
		for _, key := range keys {
			to.text(key.String())
			item := reflect.New(kind.Elem()).Elem()
			item.Set(value.MapIndex(key))
			to.value(item)
		}
	case reflect.Pointer:
		switch {
		case cupelIsNode(kind, "ListNode"):
			var items []reflect.Value
			for ; !value.IsNil(); value = value.Elem().Field(1) {
				if len(items) == cupelNodesMax {
					panic(cupelWrong("the result has a cycle"))
				}
				items = append(items, value.Elem().Field(0))
			}
			to.count(len(items))
			for _, item := range items {
				to.value(item)
			}
		case cupelIsNode(kind, "TreeNode"):
			places, nodes := []reflect.Value{value}, 0
			for i := 0; i < len(places); i++ {
				if places[i].IsNil() {
					continue
				}
				if nodes++; nodes > cupelNodesMax {
					panic(cupelWrong("the result has a cycle"))
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

// cupelFail reports a panic with the stack frames of the submission only.
func cupelFail(why any) {
	if err, ok := why.(error); ok {
		why = err.Error()
	}
	fmt.Fprintf(os.Stderr, "panic: %v\n\n", why)
	callers := make([]uintptr, 100)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	for {
		frame, more := frames.Next()
		name := frame.File[strings.LastIndexByte(frame.File, '/')+1:]
		if frame.Function == "main.cupelCall" {
			break
		}
		if strings.HasPrefix(frame.Function, "main.") && !strings.HasPrefix(name, "cupel_") {
			fmt.Fprintf(os.Stderr, "%s()\n\t%s:%d\n", frame.Function, frame.File, frame.Line)
		}
		if !more {
			break
		}
	}
	os.Exit(2)
}

// cupelBatch calls the submission for one test after another. The input contains at most one unanswered test.
func cupelBatch(nonce *string, send func(string, []byte)) {
	// Standard input is empty for the submission, as it is for a single test.
	from, err := syscall.Dup(0)
	nothing, err2 := syscall.Open("/dev/null", syscall.O_RDONLY, 0)
	if err != nil || err2 != nil || syscall.Dup3(nothing, 0, 0) != nil {
		os.Exit(1)
	}
	syscall.Close(nothing)
	in := &cupelReader{}
	chunk := make([]byte, 1<<16)
	receive := func() bool {
		n, err := syscall.Read(from, chunk)
		for err == syscall.EINTR {
			n, err = syscall.Read(from, chunk)
		}
		if n > 0 {
			in.data = append(in.data, chunk[:n]...)
		}
		return n > 0
	}
	line := func() string {
		for bytes.IndexByte(in.data[in.at:], '\n') < 0 {
			if !receive() {
				os.Exit(0)
			}
		}
		return in.line()
	}
	line()
	for isFirst := true; ; isFirst = false {
		word, rest, _ := strings.Cut(line(), " ")
		*nonce = word
		length, _ := strconv.Atoi(rest)
		for len(in.data)-in.at < length && receive() {
		}
		if isFirst {
			send(" ready\n", nil)
		}
		to := &cupelWriter{}
		cupelCall(in, to)
		send(" ok "+strconv.Itoa(to.out.Len())+"\n", to.out.Bytes())
		in.data, in.at = in.data[:0], 0
	}
}

func main() {
	channel := os.NewFile(3, "result")
	var nonce string
	send := func(status string, rest []byte) {
		channel.Write(append([]byte(nonce+status), rest...))
	}
	defer func() {
		why := recover()
		if wrong, ok := why.(cupelWrong); ok {
			send(" wrong\n", []byte(wrong))
			os.Exit(0)
		}
		cupelFail(why)
	}()
	if len(os.Args) == 2 && os.Args[1] == "--cupel-batch" {
		cupelBatch(&nonce, send)
	}
	data, _ := io.ReadAll(os.Stdin)
	in := &cupelReader{data: data}
	nonce = in.line()
	in.line()
	to := &cupelWriter{}
	cupelCall(in, to)
	send(" ok\n", to.out.Bytes())
	os.Exit(0)
}
