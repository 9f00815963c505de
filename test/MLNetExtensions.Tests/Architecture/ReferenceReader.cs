using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;

namespace MLNetExtensions.Tests.Architecture;

/// <summary>
/// Reads from the compiled library which type uses what: base types, signatures, attributes and every instruction; which file declares a type, from its symbols. Constants and <c>nameof</c> leave no trace
/// in it.
/// </summary>
internal sealed class ReferenceReader
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
    private const string Sources = "/src/MLNetExtensions/";

    // Types that have no instructions of their own are listed by this kind of entry.
    private static readonly Guid s_typeDocuments = new("932E74BC-DBA9-4478-8D46-0F32A7BAB3D3");

    private static readonly Dictionary<short, OpCode> s_opCodes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    private readonly Assembly _assembly;
    private readonly Dictionary<Type, string> _files = [];
    private readonly HashSet<Reference> _references = [];

    private ReferenceReader(Assembly assembly) => _assembly = assembly;

    /// <summary>Everything that the types of the library use outside their own file.</summary>
    internal static IReadOnlyCollection<Reference> Read(Assembly assembly, out IReadOnlyDictionary<Type, string> files)
    {
        var reader = new ReferenceReader(assembly);
        reader.ReadFiles();
        foreach (var type in assembly.GetTypes())
        {
            reader.ReadType(type);
        }
        files = reader._files;
        return reader._references;
    }

    private void ReadFiles()
    {
        using var symbols = MetadataReaderProvider.FromPortablePdbStream(File.OpenRead(Path.ChangeExtension(_assembly.Location, ".pdb")));
        var reader = symbols.GetMetadataReader();
        foreach (var handle in reader.MethodDebugInformation)
        {
            var method = reader.GetMethodDebugInformation(handle);
            var document = method.Document.IsNil ? method.GetSequencePoints().Select(point => point.Document).FirstOrDefault() : method.Document;
            if (!document.IsNil && _assembly.ManifestModule.ResolveMethod(MetadataTokens.GetToken(handle.ToDefinitionHandle()))?.DeclaringType is { } type)
            {
                Add(type, document);
            }
        }
        foreach (var entry in reader.CustomDebugInformation.Select(reader.GetCustomDebugInformation).Where(entry => reader.GetGuid(entry.Kind) == s_typeDocuments))
        {
            var blob = reader.GetBlobReader(entry.Value);
            while (blob.RemainingBytes > 0)
            {
                Add(_assembly.ManifestModule.ResolveType(MetadataTokens.GetToken(entry.Parent)), MetadataTokens.DocumentHandle(blob.ReadCompressedInteger()));
            }
        }

        void Add(Type type, DocumentHandle document)
        {
            var path = reader.GetString(reader.GetDocument(document).Name).Replace('\\', '/');
            var start = path.LastIndexOf(Sources, StringComparison.Ordinal);
            // Generated code belongs to the type that asked for it.
            if (start >= 0 && !path.Contains("/obj/", StringComparison.Ordinal))
            {
                _files.TryAdd(type, path[(start + Sources.Length)..]);
            }
        }
    }

    /// <summary>The file of a type; of what the compiler makes (closures, iterators) and of nested types that say nothing themselves, that of the type around it.</summary>
    private string? FileOf(Type type) => _files.TryGetValue(type, out var file) ? file : type.DeclaringType is { } outer ? FileOf(outer) : null;

    private void ReadType(Type type)
    {
        Use(type, type.BaseType);
        // Those that the base class or another interface brings along are not this type's choice.
        var contracts = type.GetInterfaces();
        foreach (var contract in contracts.Except(contracts.SelectMany(other => other.GetInterfaces())).Except(type.BaseType?.GetInterfaces() ?? []))
        {
            Use(type, contract);
        }
        Attributes(type, type);
        foreach (var field in type.GetFields(Declared))
        {
            Use(type, field.FieldType);
            Attributes(type, field);
        }
        foreach (var property in type.GetProperties(Declared))
        {
            Use(type, property.PropertyType);
            Attributes(type, property);
        }
        foreach (var method in type.GetMethods(Declared).Cast<MethodBase>().Concat(type.GetConstructors(Declared)))
        {
            Attributes(type, method);
            Use(type, (method as MethodInfo)?.ReturnType);
            foreach (var parameter in method.GetParameters())
            {
                Use(type, parameter.ParameterType);
            }
            if (method.GetMethodBody() is { } body)
            {
                foreach (var local in body.LocalVariables)
                {
                    Use(type, local.LocalType);
                }
                foreach (var clause in body.ExceptionHandlingClauses.Where(clause => clause.Flags == ExceptionHandlingClauseOptions.Clause))
                {
                    Use(type, clause.CatchType);
                }
                Instructions(type, method, body.GetILAsByteArray() ?? []);
            }
        }
    }

    private void Attributes(Type from, MemberInfo member)
    {
        foreach (var attribute in member.GetCustomAttributesData())
        {
            Use(from, attribute.AttributeType);
        }
    }

    private void Instructions(Type from, MethodBase method, byte[] code)
    {
        var typeArguments = from.IsGenericType ? from.GetGenericArguments() : null;
        var methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        for (var at = 0; at < code.Length;)
        {
            var value = code[at++] is var first && first == 0xFE ? unchecked((short)((first << 8) | code[at++])) : first;
            var operand = s_opCodes[value].OperandType;
            switch (operand)
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType:
                    Use(from, from.Module.ResolveMember(BitConverter.ToInt32(code, at), typeArguments, methodArguments));
                    break;
                case OperandType.InlineSwitch:
                    at += 4 * BitConverter.ToInt32(code, at);
                    break;
            }
            at += operand switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                _ => 4,
            };
        }
    }

    private void Use(Type from, MemberInfo? used)
    {
        switch (used)
        {
            case null:
                return;
            case Type { HasElementType: true } type:
                Use(from, type.GetElementType());
                return;
            case Type { IsGenericParameter: true }:
                return;
            case Type type:
                Add(from, type, type.IsGenericType ? type.GetGenericTypeDefinition() : type);
                foreach (var argument in type.GenericTypeArguments)
                {
                    Use(from, argument);
                }
                return;
            case MethodBase method:
                Use(from, method.DeclaringType);
                Add(from, method, method.DeclaringType!);
                Use(from, (method as MethodInfo)?.ReturnType);
                foreach (var argument in method.IsGenericMethod ? method.GetGenericArguments() : [])
                {
                    Use(from, argument);
                }
                return;
            case FieldInfo field:
                Use(from, field.DeclaringType);
                Add(from, field, field.DeclaringType!);
                return;
        }
    }

    private void Add(Type from, MemberInfo used, Type owner)
    {
        var own = owner.Assembly == _assembly;
        var (file, toFile) = (FileOf(from), own ? FileOf(owner) : null);
        // What the compiler makes in every assembly has no file.
        if (file is not null && (!own || toFile is not null) && file != toFile)
        {
            _references.Add(new(Outermost(from).Name, file, used is Type ? owner.FullName ?? owner.Name : $"{owner.FullName ?? owner.Name}.{used.Name}", toFile, owner.Assembly.GetName().Name!, !own && !IsPublic(used, owner)));
        }
    }

    private static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    // Family members count: deriving from a public class is no use of its internals.
    private static bool IsPublic(MemberInfo member, Type owner) => owner.IsVisible && member switch
    {
        MethodBase method => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly,
        FieldInfo field => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly,
        _ => true,
    };
}
