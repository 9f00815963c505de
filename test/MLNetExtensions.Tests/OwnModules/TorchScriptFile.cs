using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;

namespace MLNetExtensions.Tests.OwnModules;

/// <summary>Writes small TorchScript files, as torch.jit.save of Python would: one class with parameters and the source of its methods.</summary>
internal static class TorchScriptFile
{
    internal static byte[] Create(string methods, params (string Name, long[] Shape, float[] Values)[] parameters)
    {
        var code = new StringBuilder("class Net(Module):\n");
        code.Append($"  __parameters__ = [{string.Concat(parameters.Select(p => $"\"{p.Name}\", "))}]\n  __buffers__ = []\n");
        foreach (var (name, _, _) in parameters)
        {
            code.Append($"  {name} : Tensor\n");
        }
        code.Append("  training : bool\n");
        foreach (var line in methods.ReplaceLineEndings("\n").Split('\n'))
        {
            code.Append($"  {line}\n");
        }
        var pickle = new Pickle();
        pickle.Raw("\x80\x02").Global("__torch__", "Net").Raw(")\x81}(");
        for (var i = 0; i < parameters.Length; i++)
        {
            pickle.Text(parameters[i].Name).Tensor(i, parameters[i].Shape);
        }
        pickle.Text("training").Raw("\x89ub.");
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add(zip, "data.pkl", pickle.Bytes);
            Add(zip, "code/__torch__.py", Encoding.UTF8.GetBytes(code.ToString()));
            for (var i = 0; i < parameters.Length; i++)
            {
                Add(zip, $"data/{i}", MemoryMarshal.AsBytes(parameters[i].Values.AsSpan()));
            }
            Add(zip, "constants.pkl", [0x80, 2, (byte)')', (byte)'.']);
            Add(zip, "version", "3\n"u8);
        }
        return stream.ToArray();
    }

    private static void Add(ZipArchive zip, string name, ReadOnlySpan<byte> content)
    {
        using var entry = zip.CreateEntry("net/" + name, CompressionLevel.NoCompression).Open();
        entry.Write(content);
    }

    private sealed class Pickle
    {
        private readonly MemoryStream _stream = new();

        internal byte[] Bytes => _stream.ToArray();

        internal Pickle Raw(string codes)
        {
            _stream.Write(Encoding.Latin1.GetBytes(codes));
            return this;
        }

        internal Pickle Global(string module, string name) => Raw($"c{module}\n{name}\n");

        internal Pickle Text(string text) => Raw("X").Number(text.Length).Raw(text);

        internal Pickle Integer(long value) => Raw("J").Number((int)value);

        internal Pickle Tensor(int storage, long[] shape)
        {
            var strides = new long[shape.Length];
            var count = 1L;
            for (var i = shape.Length - 1; i >= 0; i--)
            {
                strides[i] = count;
                count *= shape[i];
            }
            Global("torch._utils", "_rebuild_tensor_v2").Raw("((").Text("storage").Global("torch", "FloatStorage").Text($"{storage}").Text("cpu").Integer(count).Raw("tQ").Integer(0);
            foreach (var numbers in new[] { shape, strides })
            {
                Raw("(");
                foreach (var number in numbers)
                {
                    Integer(number);
                }
                Raw("t");
            }
            return Raw("\x89").Global("collections", "OrderedDict").Raw(")RtR");
        }

        private Pickle Number(int value)
        {
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
            _stream.Write(bytes);
            return this;
        }
    }
}
