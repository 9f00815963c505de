using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using MLNetExtensions.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests;

[TestClass]
public class SafetensorsTests
{
    private static readonly ScalarType[] s_types =
    [
        ScalarType.Float32, ScalarType.Float64, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Int64, ScalarType.Int32, ScalarType.Int16, ScalarType.Int8,
        ScalarType.Byte, ScalarType.Bool,
    ];

    private static byte[] Write(IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, tensors, metadata);
        return stream.ToArray();
    }

    private static byte[] File(string header, params byte[] data)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        return [.. length, .. text, .. data];
    }

    private static Dictionary<string, Tensor> Samples()
    {
        var tensors = new Dictionary<string, Tensor>();
        foreach (var type in s_types)
        {
            // Three elements of one byte leave what follows unaligned, were it not sorted.
            tensors[$"{type}"] = tensor(new float[] { 1, 0, 3 }).to(type);
            tensors[$"{type}.scalar"] = tensor(1f).to(type);
            tensors[$"{type}.empty"] = empty([0, 4], type);
        }
        return tensors;
    }

    [TestMethod]
    public void EveryTypeComesBack()
    {
        using var scope = NewDisposeScope();
        var written = Samples();
        var reader = SafetensorsReader.Parse(Write(written));
        CollectionAssert.AreEquivalent(written.Keys, reader.Names.ToList());
        Assert.IsEmpty(reader.Metadata);
        foreach (var (name, tensor) in reader.ToTensors())
        {
            Assert.AreEqual(written[name].dtype, tensor.dtype, name);
            Assert.AreEqual(written[name].dtype, reader.ElementType(name), name);
            CollectionAssert.AreEqual(written[name].shape, tensor.shape, name);
            CollectionAssert.AreEqual(written[name].shape, reader.Shape(name).ToArray(), name);
            CollectionAssert.AreEqual(written[name].bytes.ToArray(), tensor.bytes.ToArray(), name);
            Assert.IsFalse(tensor.requires_grad, name);
            if (tensor.dtype != ScalarType.Bool)
            {
                CollectionAssert.AreEqual(MemoryMarshal.Cast<byte, double>(tensor.to(ScalarType.Float64).bytes).ToArray(), reader.ToDoubles(name), name);
            }
        }
        CollectionAssert.AreEqual(new float[] { 1, 0, 3 }, reader.ToArray<float>("Float32"));
        CollectionAssert.AreEqual(new double[] { 1, 0, 3 }, reader.ToArray<double>("Float64"));
        CollectionAssert.AreEqual(new long[] { 1, 0, 3 }, reader.ToArray<long>("Int64"));
    }

    [TestMethod]
    public void SpecialNumbersComeBack()
    {
        using var scope = NewDisposeScope();
        double[] numbers = [double.NaN, double.PositiveInfinity, double.NegativeInfinity, -0.0, double.Epsilon, double.MaxValue];
        var reader = SafetensorsReader.Parse(Write([new("x", tensor(numbers)), new("b", tensor(new[] { 1.5f, -2f }).to(ScalarType.BFloat16))]));
        CollectionAssert.AreEqual(numbers, reader.ToDoubles("x"));
        CollectionAssert.AreEqual(new[] { 1.5, -2 }, reader.ToDoubles("b"));
    }

    [TestMethod]
    public void BytesAreAsTheFormatSays()
    {
        using var scope = NewDisposeScope();
        var bytes = Write([new("b", tensor(new[] { true })), new("a", tensor(new[] { 1f }))], new Dictionary<string, string> { ["format"] = "pt" });
        var header = """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"BOOL","shape":[1],"data_offsets":[4,5]}}""";
        CollectionAssert.AreEqual(File(header.PadRight((header.Length + 7) / 8 * 8), 0, 0, 0x80, 0x3F, 1), bytes);
    }

    [TestMethod]
    public void OrderDoesNotMatter()
    {
        using var scope = NewDisposeScope();
        var tensors = Samples();
        CollectionAssert.AreEqual(
            Write(tensors, new Dictionary<string, string> { ["a"] = "1", ["b"] = "2" }),
            Write(tensors.Reverse(), new Dictionary<string, string> { ["b"] = "2", ["a"] = "1" }));
    }

    [TestMethod]
    public void MetadataAndNamesMayHoldAnyText()
    {
        using var scope = NewDisposeScope();
        var text = "\"\\\n\u0000 größer, 大きい, \U0001F600 </script>";
        var reader = SafetensorsReader.Parse(Write([new(text, tensor(1f)), new("", tensor(2f))], new Dictionary<string, string> { [text] = text, [""] = "" }));
        Assert.AreEqual(text, reader.Metadata[text]);
        Assert.AreEqual("", reader.Metadata[""]);
        CollectionAssert.AreEqual(new[] { 1f }, reader.ToArray<float>(text));
        CollectionAssert.AreEqual(new[] { 2f }, reader.ToArray<float>(""));
    }

    [TestMethod]
    public void NothingIsAFileToo()
    {
        Assert.IsEmpty(SafetensorsReader.Parse(Write([])).Names);
        Assert.IsEmpty(SafetensorsReader.Parse(File("{}")).ToTensors());
    }

    [TestMethod]
    public void ViewsAreWrittenInRowMajorOrder()
    {
        using var scope = NewDisposeScope();
        var matrix = arange(0, 12, 1, ScalarType.Float32).view(3, 4);
        matrix.requires_grad_(true);
        var reader = SafetensorsReader.Parse(Write([new("t", matrix.t()), new("narrow", matrix.narrow(1, 1, 2)), new("expand", tensor(7f).expand(2, 2))]));
        CollectionAssert.AreEqual(new long[] { 4, 3 }, reader.Shape("t").ToArray());
        CollectionAssert.AreEqual(new float[] { 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11 }, reader.ToArray<float>("t"));
        CollectionAssert.AreEqual(new float[] { 1, 2, 5, 6, 9, 10 }, reader.ToArray<float>("narrow"));
        CollectionAssert.AreEqual(new float[] { 7, 7, 7, 7 }, reader.ToArray<float>("expand"));
    }

    [TestMethod]
    public void LargeTensorsAreWrittenInPieces()
    {
        using var scope = NewDisposeScope();
        var large = arange(0, 9_000_001, 1, ScalarType.Int32);
        using var stream = new MeasuringStream();
        SafetensorsWriter.Write(stream, [new("x", large)]);
        Assert.IsLessThanOrEqualTo(16 << 20, stream.Largest);
        var reader = SafetensorsReader.Parse(stream.ToArray());
        CollectionAssert.AreEqual(large.bytes.ToArray(), reader.ToTensor("x").bytes.ToArray());
    }

    private sealed class MeasuringStream : MemoryStream
    {
        internal int Largest { get; private set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Largest = Math.Max(Largest, buffer.Length);
            base.Write(buffer);
        }
    }

    [TestMethod]
    public void GpuTensorsAreWritten()
    {
        if (!cuda.is_available())
        {
            Assert.Inconclusive("There is no CUDA device.");
        }
        using var scope = NewDisposeScope();
        var reader = SafetensorsReader.Parse(Write([new("x", arange(0, 6, 1, ScalarType.Float32).view(2, 3).cuda().t())]));
        CollectionAssert.AreEqual(new float[] { 0, 3, 1, 4, 2, 5 }, reader.ToArray<float>("x"));
        Assert.AreEqual(DeviceType.CPU, reader.ToTensor("x").device_type);
    }

    [TestMethod]
    public void TensorsBelongToTheOpenScope()
    {
        using var outer = NewDisposeScope();
        var reader = SafetensorsReader.Parse(Write([new("x", tensor(1f))]));
        Tensor read;
        using (NewDisposeScope())
        {
            read = reader.ToTensor("x");
            Assert.IsFalse(read.IsInvalid);
        }
        Assert.IsTrue(read.IsInvalid);
    }

    [TestMethod]
    public void WrongTypesAndNamesAreFormatExceptions()
    {
        using var scope = NewDisposeScope();
        var reader = SafetensorsReader.Parse(Write([new("x", tensor(1f)), new("b", tensor(true))]));
        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => reader.ToArray<double>("x")).Message, "expected F64");
        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => reader.ToDoubles("b")).Message, "'b'");
        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => reader.ToTensor("y")).Message, "'y'");
        Assert.ThrowsExactly<FormatException>(() => reader.Shape("y"));
        Assert.IsTrue(reader.Contains("x"));
        Assert.IsFalse(reader.Contains("y"));
    }

    [TestMethod]
    public void TheWriterRefusesWhatTheFormatLacks()
    {
        using var scope = NewDisposeScope();
        Assert.ThrowsExactly<ArgumentException>(() => Write([new("x", tensor(1f)), new("x", tensor(1f))]));
        Assert.ThrowsExactly<ArgumentException>(() => Write([new("__metadata__", tensor(1f))]));
        Assert.ThrowsExactly<ArgumentException>(() => Write([new("x", zeros(1, ScalarType.ComplexFloat32))]));
    }

    [TestMethod]
    [DataRow("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", null)]
    [DataRow("""{"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"more":{}}}""", null)]
    [DataRow("""{"x":{"dtype":"U8","shape":[1,4],"data_offsets":[0,4]},"y":{"dtype":"F64","shape":[1152921504606846975,0],"data_offsets":[4,4]}}""", null)]
    [DataRow("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "JSON")]
    [DataRow("""{"x":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}""", "JSON")]
    [DataRow("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}},{}""", "JSON")]
    [DataRow("""[{"x":1}]""", "'{'")]
    [DataRow("""{"x":1}""", "expected an object")]
    [DataRow("""{"__metadata__":[]}""", "expected an object")]
    [DataRow("""{"__metadata__":{"a":1}}""", "expected a text")]
    [DataRow("""{"__metadata__":{"a":"\ud800"}}""", "JSON")]
    [DataRow("""{"\ud800":{}}""", "JSON")]
    [DataRow("""{"x":{"shape":[1],"data_offsets":[0,4]}}""", "dtype")]
    [DataRow("""{"x":{"dtype":1,"shape":[1],"data_offsets":[0,4]}}""", "dtype")]
    [DataRow("""{"x":{"dtype":"F128","shape":[1],"data_offsets":[0,4]}}""", "F128")]
    [DataRow("""{"x":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}""", "f32")]
    [DataRow("""{"x":{"dtype":"F32","data_offsets":[0,4]}}""", "shape")]
    [DataRow("""{"x":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}""", "shape")]
    [DataRow("""{"x":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", "whole numbers")]
    [DataRow("""{"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", "whole numbers")]
    [DataRow("""{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", "whole numbers")]
    [DataRow("""{"x":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}""", "whole numbers")]
    [DataRow("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", "takes 8 bytes")]
    [DataRow("""{"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}""", "too large")]
    [DataRow("""{"x":{"dtype":"F32","shape":[4611686018427387904,4,0],"data_offsets":[0,0]}}""", "too large")]
    [DataRow("""{"x":{"dtype":"F32","shape":[1]}}""", "data_offsets")]
    [DataRow("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", "lies at")]
    [DataRow("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}""", "at most 2")]
    [DataRow("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", "lies at")]
    [DataRow("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}""", "lies at")]
    [DataRow("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[9223372036854775803,9223372036854775807]}}""", "lies at")]
    [DataRow("""{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", "belong to no tensor")]
    [DataRow("""{"x":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""", "begins at byte 2")]
    [DataRow("""{"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"y":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}""", "begins at byte 1")]
    [DataRow("""{"x":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}}""", "truth values")]
    [DataRow("", "'{'")]
    [DataRow("{", "JSON")]
    public void HeadersAreChecked(string header, string? message)
    {
        var file = File(header, 0, 0, 0x80, 0x3F);
        if (message is null)
        {
            Read(SafetensorsReader.Parse(file));
        }
        else
        {
            StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => SafetensorsReader.Parse(file)).Message, message);
        }
    }

    [TestMethod]
    public void ManyDimensionsAreRefused()
    {
        string Header(int rank) => $$$"""{"x":{"dtype":"U8","shape":[{{{string.Join(",", Enumerable.Repeat(1, rank))}}}],"data_offsets":[0,1]}}""";
        Read(SafetensorsReader.Parse(File(Header(64), 1)));
        Assert.ThrowsExactly<FormatException>(() => SafetensorsReader.Parse(File(Header(65), 1)));
    }

    [TestMethod]
    public void TruncatedFilesAreRefused()
    {
        using var scope = NewDisposeScope();
        var file = Write(Samples());
        for (var length = 0; length < file.Length; length++)
        {
            Assert.ThrowsExactly<FormatException>(() => SafetensorsReader.Parse(file.AsMemory(0, length)), $"{length} bytes");
        }
        Assert.ThrowsExactly<FormatException>(() => SafetensorsReader.Parse(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255, (byte)'{' }));
    }

    [TestMethod]
    public void DamagedFilesAreReadOrRefused()
    {
        using var scope = NewDisposeScope();
        var original = Write(Samples(), new Dictionary<string, string> { ["format"] = "pt", ["größe"] = "1" });
        var headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(original);
        var interesting = "{}[]\",:0123456789-.eE\\utrfnl \0\u007f"u8.ToArray();
        var random = new Random(2);
        int refused = 0, read = 0;
        for (var trial = 0; trial < 6000; trial++)
        {
            var file = original.ToList();
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                // Mostly in the header
                var at = random.Next(5) == 0 ? random.Next(file.Count) : random.Next(Math.Min(8 + headerLength, file.Count));
                switch (random.Next(5))
                {
                    case 0:
                        file[at] = (byte)random.Next(256);
                        break;
                    case 1:
                        file[at] = interesting[random.Next(interesting.Length)];
                        break;
                    case 2:
                        file.RemoveRange(at, Math.Min(random.Next(1, 20), file.Count - at));
                        break;
                    case 3:
                        file.InsertRange(at, file.GetRange(at, Math.Min(random.Next(1, 60), file.Count - at)));
                        break;
                    default:
                        var digits = Enumerable.Range(8, headerLength).Where(i => i < file.Count && char.IsAsciiDigit((char)file[i])).ToArray();
                        file[digits[random.Next(digits.Length)]] = (byte)('0' + random.Next(10));
                        break;
                }
                // A header length that fits again lets the change through to the checks behind it.
                if (random.Next(3) > 0 && file.Count >= 8)
                {
                    var length = new byte[8];
                    BinaryPrimitives.WriteInt64LittleEndian(length, headerLength + file.Count - original.Length);
                    for (var i = 0; i < 8; i++)
                    {
                        file[i] = length[i];
                    }
                }
            }
            var bytes = file.ToArray();
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                var reader = SafetensorsReader.Parse(bytes);
                Read(reader);
                read++;
            }
            catch (FormatException)
            {
                refused++;
            }
            Assert.IsLessThan(1_000_000L, GC.GetAllocatedBytesForCurrentThread() - before, $"Trial {trial} allocates too much.");
        }
        Assert.IsGreaterThan(100, read);
        Assert.IsGreaterThan(3000, refused);
    }

    private static void Read(SafetensorsReader reader)
    {
        using var scope = NewDisposeScope();
        foreach (var (name, tensor) in reader.ToTensors())
        {
            CollectionAssert.AreEqual(reader.Shape(name).ToArray(), tensor.shape);
            if (tensor.dtype != ScalarType.Bool)
            {
                Assert.HasCount((int)tensor.NumberOfElements, reader.ToDoubles(name));
            }
        }
    }
}
