using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace MLNetExtensions.Tests.Faults;

/// <summary>What was done to a model file.</summary>
internal enum Damage
{
    /// <summary>To the file as a whole, or to what is ML.NET's in it.</summary>
    Container,

    /// <summary>To our streams, whose hashes tell.</summary>
    Hashed,

    /// <summary>To our streams, whose hashes agree; still nothing that could be meant.</summary>
    Structure,

    /// <summary>To our streams, whose hashes agree: it may be another model.</summary>
    Content,

    /// <summary>Weights that are no finite numbers, with hashes that agree.</summary>
    NotFinite,

    /// <summary>Numbers that are not finite where a user's network or data may have them.</summary>
    Data,
}

/// <summary>A damaged model file.</summary>
/// <param name="File">Its bytes.</param>
/// <param name="What">What was done, for people.</param>
/// <param name="Damage">What was done.</param>
internal sealed record Mutant(byte[] File, string What, Damage Damage)
{
    private const string Weights = ModelWriter.WeightsStream;
    private const string Header = "Model.key";

    private static readonly string[] s_types = ["F64", "F32", "F16", "BF16", "I64", "I32", "U8", "BOOL", "C64", "F8_E4M3", "X", ""];
    private static readonly string[] s_numbers = ["0", "-1", "2147483648", "9223372036854775807", "99999999999999999999", "1e9", "4611686018427387904"];
    private static readonly string[] s_values = ["0", "-1", "1", "2147483647", "1e300", "0.5", "99999999999999999999", "\"NaN\"", "\"-Infinity\"", "null", "[]", "{}", "\"\"", "\"x\"", "true", "[null]", "[1e999]"];

    internal static Mutant Of(byte[] file, Random random) => new Maker(file, random).Make();

    private sealed class Maker(byte[] file, Random random)
    {
        private readonly ModelZip _zip = new(file);
        private readonly List<string> _what = [];
        private Damage _damage;

        internal Mutant Make()
        {
            var bytes = random.Next(12) switch
            {
                0 => Truncated(),
                1 => Flipped(),
                2 => Entries(),
                3 => HeaderOfStreams(),
                4 => Swapped(),
                5 => Bytes(rehashed: false),
                6 => Bytes(rehashed: true),
                7 or 8 => Json(),
                9 => HeaderOfWeights(),
                10 => Tensors(),
                _ => NotFinite(),
            };
            return new(bytes, string.Join(", ", _what), _damage);
        }

        private byte[] Done(Damage damage, string what)
        {
            (_damage, _) = (damage, 0);
            _what.Add(what);
            return _zip.ToArray();
        }

        private T One<T>(IReadOnlyList<T> items) => items[random.Next(items.Count)];

        private string[] Streams => [.. _zip.Entries.Keys.Where(path => path.StartsWith(_zip.Folder, StringComparison.Ordinal)).Select(path => path[_zip.Folder.Length..].Trim('/', '\\')).Where(name => name != Header)];

        // ---- The file as a whole ----

        private byte[] Truncated()
        {
            var length = random.Next(file.Length);
            Done(Damage.Container, $"cut after {length} of {file.Length} bytes");
            return file[..length];
        }

        private byte[] Flipped()
        {
            var bytes = file.ToArray();
            var flips = 1 + random.Next(8);
            for (var i = 0; i < flips; i++)
            {
                var (at, bit) = (random.Next(bytes.Length), random.Next(8));
                bytes[at] ^= (byte)(1 << bit);
                _what.Add($"bit {bit} of byte {at}");
            }
            Done(Damage.Container, "flipped");
            return bytes;
        }

        private byte[] Entries()
        {
            var path = One(_zip.Entries.Keys.ToArray());
            switch (random.Next(4))
            {
                case 0:
                    _zip.Entries.Remove(path);
                    return Done(Damage.Container, $"{path} deleted");
                case 1:
                    return Done(Damage.Container, $"{path} twice") is var _ ? _zip.ToArray([new(path, Mutate(_zip.Entries[path]))], before: random.Next(2) == 0) : [];
                case 2:
                    var other = One(_zip.Entries.Keys.ToArray());
                    (_zip.Entries[path], _zip.Entries[other]) = (_zip.Entries[other], _zip.Entries[path]);
                    return Done(Damage.Container, $"{path} and {other} swapped");
                default:
                    _zip.Entries[path] = Mutate(_zip.Entries[path]);
                    return Done(Damage.Container, $"bytes of {path}");
            }
        }

        // ---- Our streams ----

        private byte[] HeaderOfStreams()
        {
            var name = One(Streams);
            long[] lengths = [-1, 0, long.MinValue, long.MaxValue, int.MaxValue, uint.MaxValue, Array.MaxLength, _zip[name].Length - 1, _zip[name].Length + 1];
            var length = One(lengths);
            BinaryPrimitives.WriteInt64LittleEndian(_zip[Header].AsSpan(_zip.FieldsOf(name)), length);
            return Done(Damage.Hashed, $"{name} declared of {length} bytes");
        }

        private byte[] Swapped()
        {
            var (a, b) = (One(Streams), One(Streams));
            var rehashed = random.Next(2) == 0;
            var (first, second) = (_zip[a], _zip[b]);
            Set(a, second, rehashed);
            Set(b, first, rehashed);
            return Done(rehashed ? Damage.Structure : Damage.Hashed, $"{a} and {b} swapped{(rehashed ? ", with right hashes" : "")}");
        }

        private byte[] Bytes(bool rehashed)
        {
            var name = One(Streams);
            Set(name, Mutate(_zip[name]), rehashed);
            // Bytes of weights are as good as others; those of a TorchScript file have checksums of their own.
            return Done(rehashed ? Damage.Content : Damage.Hashed, $"bytes of {name}{(rehashed ? ", with the right hash" : "")}");
        }

        private void Set(string name, byte[] bytes, bool rehashed)
        {
            if (rehashed)
            {
                _zip.Replace(name, bytes);
            }
            else
            {
                _zip[name] = bytes;
            }
        }

        // ---- Text with the right hash ----

        private byte[] Json()
        {
            var name = One(Streams.Where(stream => stream.EndsWith(".json", StringComparison.Ordinal)).ToArray());
            var root = JsonNode.Parse(_zip[name])!;
            for (var changes = 1 + random.Next(2); changes > 0; changes--)
            {
                Change(root);
            }
            _zip.Replace(name, Encoding.UTF8.GetBytes(root.ToJsonString()));
            return Done(Damage.Content, $"of {name}");
        }

        private void Change(JsonNode root)
        {
            var places = Places(root).ToList();
            if (places.Count == 0)
            {
                return;
            }
            var (parent, key, index) = One(places);
            var where = string.Create(CultureInfo.InvariantCulture, $"{parent.GetPath()}.{key}{index}");
            switch (random.Next(6))
            {
                case 0 when parent is JsonObject o:
                    o.Remove(key!);
                    _what.Add($"{where} removed");
                    break;
                case 0 or 1 when parent is JsonArray a:
                    var copied = a[index]?.DeepClone();
                    var times = One([1, 3, 100_000]);
                    for (var i = 0; i < times; i++)
                    {
                        a.Add(copied?.DeepClone());
                    }
                    _what.Add($"{where} {times} times more");
                    break;
                case 2 when parent is JsonArray a:
                    a.RemoveAt(index);
                    _what.Add($"{where} removed");
                    break;
                case 3 when parent is JsonObject o && o[key!] is JsonValue value && value.GetValueKind() == JsonValueKind.Number:
                    // A number near by: a size that is one off.
                    var number = value.GetValue<double>();
                    var near = One([number + 1, number - 1, -number, 2 * number, 1e6 * number]);
                    o[key!] = near;
                    _what.Add(string.Create(CultureInfo.InvariantCulture, $"{where} = {near}"));
                    break;
                default:
                    var text = One(s_values);
                    // What no JSON number can be stays a text for the parser of the model to refuse.
                    var node = text.Contains("1e999", StringComparison.Ordinal) ? new JsonArray(JsonNode.Parse("\"1e999\"")) : JsonNode.Parse(text);
                    if (parent is JsonObject owner)
                    {
                        owner[key!] = node;
                    }
                    else
                    {
                        ((JsonArray)parent)[index] = node;
                    }
                    _what.Add($"{where} = {text}");
                    break;
            }
        }

        private static IEnumerable<(JsonNode Parent, string? Key, int Index)> Places(JsonNode node) => node switch
        {
            JsonObject o => o.SelectMany(pair => Inside(pair.Value).Prepend((o, pair.Key, 0))),
            JsonArray a => a.SelectMany((item, i) => Inside(item).Prepend((a, null, i))),
            _ => [],
        };

        private static IEnumerable<(JsonNode Parent, string? Key, int Index)> Inside(JsonNode? node) => node is null ? [] : Places(node);

        // ---- Weights with the right hash ----

        private bool HasWeights => Array.IndexOf(Streams, Weights) >= 0;

        private JsonObject HeaderJson(out byte[] data)
        {
            var bytes = _zip[Weights];
            var end = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
            data = bytes[end..];
            return JsonNode.Parse(bytes.AsSpan(8, end - 8))!.AsObject();
        }

        private void SetWeights(string header, byte[] data)
        {
            var json = Encoding.UTF8.GetBytes(header);
            var length = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
            _zip.Replace(Weights, [.. length, .. json, .. data]);
        }

        private byte[] HeaderOfWeights()
        {
            if (!HasWeights)
            {
                return Bytes(rehashed: true);
            }
            var header = HeaderJson(out var data);
            var name = One(header.Select(pair => pair.Key).ToArray());
            var tensor = header[name]!.AsObject();
            switch (random.Next(5))
            {
                case 0:
                    tensor["dtype"] = One(s_types);
                    break;
                case 1:
                    var shape = tensor["shape"]!.AsArray();
                    shape.Insert(random.Next(shape.Count + 1), JsonNode.Parse(One(s_numbers)));
                    break;
                case 2:
                    var places = tensor["data_offsets"]!.AsArray();
                    places[random.Next(2)] = JsonNode.Parse(One(s_numbers));
                    break;
                case 3:
                    tensor[One(["dtype", "shape", "data_offsets"])] = JsonNode.Parse(One(s_values));
                    break;
                default:
                    var weights = _zip[Weights].ToArray();
                    BinaryPrimitives.WriteInt64LittleEndian(weights, One([-1L, 0, 1, long.MaxValue, int.MaxValue, data.Length]));
                    _zip.Replace(Weights, weights);
                    return Done(Damage.Content, "length of the header of the weights");
            }
            SetWeights(header.ToJsonString(), data);
            return Done(Damage.Content, $"{name}: {tensor.ToJsonString()}");
        }

        private byte[] Tensors()
        {
            if (!HasWeights)
            {
                return Bytes(rehashed: true);
            }
            // Whole files, whose tensors are not what the model has.
            var header = HeaderJson(out var data);
            string[] names = [.. header.Select(pair => pair.Key)];
            var name = One(names);
            var tensor = header[name]!.AsObject();
            long[] shape = [.. tensor["shape"]!.AsArray().Select(n => n!.GetValue<long>())];
            switch (random.Next(5))
            {
                case 0:
                    shape = [.. shape.Reverse()];
                    break;
                case 1:
                    shape = [shape.Aggregate(1L, (a, b) => a * b)];
                    break;
                case 2:
                    shape = [.. shape, 1];
                    break;
                case 3:
                    // As many bytes, of another meaning.
                    tensor["dtype"] = tensor["dtype"]!.GetValue<string>() switch { "F32" => "I32", "F64" => "I64", "I64" => "F64", "I32" => "F32", _ => "U8" };
                    break;
                default:
                    var other = One(names);
                    var (a, b) = (header[name]!.DeepClone(), header[other]!.DeepClone());
                    (header[name], header[other]) = (b, a);
                    SetWeights(header.ToJsonString(), data);
                    return Done(Damage.Content, $"{name} and {other} named as each other");
            }
            tensor["shape"] = new JsonArray([.. shape.Select(n => (JsonNode)n)]);
            SetWeights(header.ToJsonString(), data);
            return Done(Damage.Content, $"{name}: {tensor.ToJsonString()}");
        }

        private byte[] NotFinite()
        {
            if (!HasWeights)
            {
                return Bytes(rehashed: true);
            }
            var header = HeaderJson(out var data);
            string[] names = [.. header.Where(pair => pair.Value!["dtype"]!.GetValue<string>() is "F32" or "F64" && End(pair.Value) > Start(pair.Value)).Select(pair => pair.Key)];
            if (names.Length == 0)
            {
                return Bytes(rehashed: true);
            }
            var name = One(names);
            var single = header[name]!["dtype"]!.GetValue<string>() == "F32";
            var size = single ? sizeof(float) : sizeof(double);
            var (start, end) = (Start(header[name]!), End(header[name]!));
            var at = start + random.Next((end - start) / size) * size;
            var value = One([double.NaN, double.PositiveInfinity, double.NegativeInfinity]);
            if (single)
            {
                BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(at), (float)value);
            }
            else
            {
                BinaryPrimitives.WriteDoubleLittleEndian(data.AsSpan(at), value);
            }
            SetWeights(header.ToJsonString(), data);
            // The rows that a forecaster goes on from, and masks of a user's network.
            var mayBe = name == "history" || !double.IsNaN(value) && (name.StartsWith("module.", StringComparison.Ordinal) || name.StartsWith("network.", StringComparison.Ordinal) && _zip.Options.Contains("\"Factory\": {", StringComparison.Ordinal));
            return Done(mayBe ? Damage.Data : Damage.NotFinite, string.Create(CultureInfo.InvariantCulture, $"{value} in {name}"));

            static int Start(JsonNode tensor) => tensor["data_offsets"]![0]!.GetValue<int>();
            static int End(JsonNode tensor) => tensor["data_offsets"]![1]!.GetValue<int>();
        }

        private byte[] Mutate(byte[] bytes)
        {
            if (bytes.Length == 0)
            {
                return [(byte)random.Next(256)];
            }
            var at = random.Next(bytes.Length);
            var result = bytes.ToArray();
            switch (random.Next(6))
            {
                case 0:
                    result[at] ^= (byte)(1 << random.Next(8));
                    return result;
                case 1:
                    result[at] = (byte)random.Next(256);
                    return result;
                case 2:
                    return result[..at];
                case 3:
                    random.NextBytes(result.AsSpan(at, Math.Min(8, result.Length - at)));
                    return result;
                case 4:
                    return [.. result[..at], .. result[Math.Min(result.Length, at + 1 + random.Next(8))..]];
                default:
                    return [.. result[..at], (byte)random.Next(256), .. result[at..]];
            }
        }
    }
}
