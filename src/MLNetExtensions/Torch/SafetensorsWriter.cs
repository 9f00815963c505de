using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>Writes named tensors in the safetensors format, which <see cref="SafetensorsReader"/> and other languages read.</summary>
internal static class SafetensorsWriter
{
    private const string MetadataKey = "__metadata__";

    /// <summary>What is copied to the CPU at once.</summary>
    private const long ChunkBytes = 16 << 20;

    /// <summary>Writes the tensors. The same names and values give the same bytes, in whatever order they come.</summary>
    /// <exception cref="ArgumentException">Two tensors have the same name, or one has elements of a type that the format lacks.</exception>
    internal static void Write(Stream stream, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        // As the reference implementation sorts them: every element is then aligned to its own size.
        var items = tensors.Select(Describe).OrderBy(item => item.Order).ThenBy(item => item.Name, StringComparer.Ordinal).ToList();
        var header = Header(items, metadata);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var item in items)
        {
            WriteElements(stream, item.Tensor);
        }
    }

    private sealed record Item(string Name, Tensor Tensor, string Type, int Order, long[] Shape, long Length);

    private static Item Describe(KeyValuePair<string, Tensor> pair)
    {
        var (name, tensor) = pair;
        if (name == MetadataKey)
        {
            throw new ArgumentException($"No tensor may have the name '{MetadataKey}'.");
        }
        if (!SafetensorsTypes.TryFind(tensor.dtype, out var type, out var order) || tensor.is_sparse)
        {
            throw new ArgumentException($"The tensor '{name}' ({tensor.dtype}{(tensor.is_sparse ? ", sparse" : "")}) cannot be written.");
        }
        return new(name, tensor, type, order, tensor.shape, tensor.NumberOfElements * SafetensorsTypes.Size(tensor.dtype));
    }

    private static byte[] Header(List<Item> items, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        // The header stands in no HTML: plain text stays readable.
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is not null)
            {
                json.WriteStartObject(MetadataKey);
                foreach (var (key, text) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                {
                    json.WriteString(key, text);
                }
                json.WriteEndObject();
            }
            long end = 0;
            var names = new HashSet<string>();
            foreach (var item in items)
            {
                if (!names.Add(item.Name))
                {
                    throw new ArgumentException($"Two tensors have the name '{item.Name}'.", nameof(items));
                }
                json.WriteStartObject(item.Name);
                json.WriteString("dtype", item.Type);
                json.WriteStartArray("shape");
                foreach (var dimension in item.Shape)
                {
                    json.WriteNumberValue(dimension);
                }
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(end);
                json.WriteNumberValue(end += item.Length);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.Length % 8 != 0)
        {
            buffer.WriteByte((byte)' ');
        }
        return buffer.ToArray();
    }

    private static void WriteElements(Stream stream, Tensor tensor)
    {
        var count = tensor.NumberOfElements;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var flat = tensor.detach().contiguous().view(-1);
        var chunk = ChunkBytes / SafetensorsTypes.Size(tensor.dtype);
        for (long start = 0; start < count; start += chunk)
        {
            using var step = NewDisposeScope();
            // A view where the tensor is on the CPU, else a copy of this piece.
            var piece = flat.narrow(0, start, Math.Min(chunk, count - start)).cpu();
            stream.Write(piece.bytes);
            GC.KeepAlive(piece);
        }
        GC.KeepAlive(flat);
    }
}
