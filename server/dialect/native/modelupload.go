package native

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/limits"
)

// maxModelBytes limits an upload of models: the ONNX format ends at 2 GiB.
const maxModelBytes = 2<<30 + overhead

// receiveModel reads a form with a model into a folder. The files go to the disk as
// they arrive.
func receiveModel(c echo.Context, folder string) (u ModelUpload, err error) {
	r := c.Request()
	r.Body = http.MaxBytesReader(c.Response(), r.Body, maxModelBytes)
	form, err := r.MultipartReader()
	if err != nil {
		return u, fault.Wrap(fault.Unsupported, err, "The request must be multipart/form-data with a model in the field \"file\".")
	}
	texts, files := map[string]string{}, []string{}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return u, modelBodyError(err)
		}
		if part.FileName() == "" {
			text, err := io.ReadAll(io.LimitReader(part, maxURL+1))
			if err != nil {
				return u, modelBodyError(err)
			}
			texts[dialect.DisplayName(part.FormName())] = string(text)
			continue
		}
		//guard:model-files TestModelUploads
		if len(files) == 2 || part.FormName() != fileField {
			return u, fault.New(fault.Invalid, "Send one model in the field \"file\"; the two files of ncnn are one, as are an ONNX file and its .data.")
		}
		name := fileNameOf(part.FileName())
		if err := saveModel(r.Context(), filepath.Join(folder, name), part); err != nil {
			return u, err
		}
		files = append(files, name)
	}
	f := formFields(texts)
	u = ModelUpload{
		Folder: folder, Name: f.text("name", maxModelName), Licence: f.text("license", maxURL), Author: f.text("author", maxURL),
		Source: f.text("source", maxURL), Scale: f.integer("scale", maxScale),
	}
	if err := f.end(); err != nil {
		return u, err
	}
	u.File, err = mainFile(files)
	return u, err
}

// mainFile returns the file that stands for the model.
func mainFile(files []string) (string, error) {
	if len(files) == 1 {
		return files[0], nil
	}
	for i, name := range files {
		stem, isParam := strings.CutSuffix(name, ".param")
		other := files[1-i]
		if isParam && other == stem+".bin" || strings.HasSuffix(name, ".onnx") && (other == name+".data" || other == name+"_data") {
			return name, nil
		}
	}
	return "", fault.New(fault.Invalid, "Send one model in the field \"file\"; the two files of ncnn are one, as are an ONNX file and its .data.")
}

// fileNameOf returns a client's file name as a plain one without folders.
func fileNameOf(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	plain := strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._", r) {
			return r
		}
		return '-'
	}, strings.TrimSuffix(name, path.Ext(name)))
	extension := strings.ToLower(path.Ext(name))
	if len(extension) > len(".safetensors") || extension == "." {
		extension = ""
	}
	//guard:upload-name TestModelUploads => plain
	return cmp.Or(strings.TrimLeft(plain[:min(len(plain), maxNameBytes)], ".-_"), "model") + extension
}

// maxNameBytes is below the limit of file systems, to leave room for an extension.
const maxNameBytes = 200

// saveModel writes a file of a form to the disk, and releases its memory.
func saveModel(ctx context.Context, to string, part *multipart.Part) error {
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fault.New(fault.Invalid, "The form has two files of one name.")
	} else if err != nil {
		return fmt.Errorf("store upload: %w", err)
	}
	defer file.Close()
	buffer := make([]byte, 256<<10)
	for {
		n, err := part.Read(buffer)
		if _, writing := file.Write(buffer[:n]); writing != nil {
			return fmt.Errorf("store upload: %w", writing)
		}
		limits.Accepted(ctx, n)
		if errors.Is(err, io.EOF) {
			return file.Close()
		} else if err != nil {
			return modelBodyError(err)
		}
	}
}

// modelBodyError explains why a form could not be read.
func modelBodyError(err error) error {
	switch {
	case dialect.IsBodyTooLarge(err):
		return fault.Wrap(fault.TooLarge, err, "A model may have at most %d bytes.", int64(maxModelBytes))
	case fault.KindOf(err) != fault.Internal:
		return err
	}
	return fault.Wrap(fault.Invalid, err, "The form is damaged.")
}
